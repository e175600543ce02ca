using HiveMind.Configuration;
using HiveMind.Web;

namespace HiveMind.Hosting;

/// <summary>What the page is told of this silo.</summary>
internal static class PageSetup
{
    public static PageOptions Options(PoolOptions options) => new()
    {
        LiveVisitors = options.Http.LiveVisitors,
        LiveVisitorsPerAddress = options.Http.LiveVisitorsPerAddress,
        IsHttps = options.HttpSpeaksTls,
        OpenMode = options.Auth.Mode == AuthMode.Open,
        AllowInsecure = options.Grpc.AllowInsecure,
    };

    /// <summary>How a reader of the page reaches this hub from the command line.</summary>
    public static void TellHow(this PageOptions page, string startedAs, string hubFlag) => (page.Command, page.HubFlag) = (startedAs, hubFlag);
}
