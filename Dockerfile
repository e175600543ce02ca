# Stages: build → hub (what compose.yaml runs) and worker (python3 and isolation beside the same program).
FROM mcr.microsoft.com/dotnet/sdk:10.0.401-noble AS build
ARG TARGETARCH
WORKDIR /source
# What restoring needs comes first, so that a change of code does not restore again.
COPY Directory.Build.props Directory.Packages.props global.json BannedSymbols.txt .editorconfig README.md LICENSE ./
COPY Protos/ Protos/
COPY GrainInterfaces/ GrainInterfaces/
COPY Core/ Core/
COPY Grains/ Grains/
COPY GrpcGateway/ GrpcGateway/
COPY Web/ Web/
COPY Silo/ Silo/
COPY Worker/ Worker/
COPY Cli/ Cli/
RUN dotnet publish Cli --configuration Release --arch "$TARGETARCH" --output /published

FROM mcr.microsoft.com/dotnet/runtime-deps:10.0.12-noble AS hub
COPY --from=build /published/hivemind /usr/local/bin/hivemind
# Volumes take over the owner of the folders they are mounted on.
RUN mkdir /data /shared && chown 10001:10001 /data /shared
USER 10001:10001
# Where a single file unpacks its native libraries.
ENV DOTNET_BUNDLE_EXTRACT_BASE_DIR=/tmp/hivemind XDG_DATA_HOME=/data XDG_CONFIG_HOME=/data/config XDG_STATE_HOME=/data/state
VOLUME ["/data", "/shared"]
EXPOSE 50051 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --retries=3 --start-period=30s CMD ["hivemind", "health"]
ENTRYPOINT ["hivemind"]
CMD ["silo"]

# Isolation by bubblewrap needs user namespaces, which many container engines forbid: such a worker says so and takes only its owner's tasks.
FROM hub AS worker
USER 0:0
RUN apt-get update && apt-get install --yes --no-install-recommends python3 bubblewrap util-linux && rm -rf /var/lib/apt/lists/*
USER 10001:10001
HEALTHCHECK NONE
CMD ["worker"]
