using HiveMind.Cli;

namespace HiveMind.Tests.Cli;

/// <summary>A misspelt option is told, in every verb, before anything is done; it is never an argument of the program.</summary>
public sealed class OptionCheckTests
{
    [Theory]
    [InlineData("submit --memroy 4G FILE.py", "--memroy: did you mean --memory? What is the program's own goes after --.")]
    [InlineData("submit FILE.py --memroy 4G", "--memroy: did you mean --memory? What is the program's own goes after --.")]
    [InlineData("submit --memroy=4G FILE.py", "--memory?")]
    [InlineData("submit --odd FILE.py", "--odd: no option of submit.")]
    [InlineData("submit -c CODE --odd A=b", "--odd: no option of submit.")]
    [InlineData("submit -x FILE.py", "-x: no option of submit.")]
    [InlineData("submit FILE.py -c 5", "'FILE.py' beside -c")]
    [InlineData("submit -c CODE word", "'word' beside -c")]
    [InlineData("submit -c=CODE word", "'word' beside -c")]
    [InlineData("status --jsno ID", "--json?")]
    [InlineData("tasks --stat running", "--state?")]
    [InlineData("worker --memroy 4G", "--memory?")]
    [InlineData("up --lna", "--lan?")]
    [InlineData("up --memory 4G", "--memory: no option of up.")]
    [InlineData("silo --accept-lost-flor", "--accept-lost-floor?")]
    [InlineData("silo --port 5", "--port: no option of silo.")]
    [InlineData("migrate --too host", "--to?")]
    [InlineData("admin-code --data /x", "--data: no option of admin-code.")]
    [InlineData("admin users --jsno", "--json?")]
    public async Task UnknownOption_InAnyVerb_IsUsage(string line, string said)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        Assert.Equal(ExitCodes.Usage, await App.Run(line.Split(' '), new Terminal(output, error)));
        Assert.Equal("", output.ToString());
        Assert.Contains(said, error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("submit", "FILE.py --memory 4G --wait")]
    [InlineData("submit", "--memory=4G --cores 2 FILE.py -- --memroy -c 5")]
    [InlineData("submit", "FILE.py word --alpha 3 -5")]
    [InlineData("submit", "-c CODE --wait -- word --x")]
    [InlineData("submit", "-c --odd -- word")]
    [InlineData("submit", "--stdin - FILE.py")]
    [InlineData("submit", "--help")]
    [InlineData("result", "ID -o - --stderr")]
    [InlineData("silo", "--lan --HiveMind:Grpc:Port=5 --HiveMind:Http:Port 6 --accept-lost-books --stop-with-stdin --environment Development")]
    [InlineData("up", "--json --HiveMind:Grpc:Prot=5")] // the silo itself says which settings there are
    public void WhatThereIs_IsTaken(string verb, string words)
    {
        var command = App.Build(new Terminal(TextWriter.Null, TextWriter.Null)).Subcommands.Single(one => one.Name == verb);
        Assert.Null(OptionCheck.Problem(command, words.Split(' ')));
    }

    [Theory]
    [InlineData("--memroy", "--memory")]
    [InlineData("--timout", "--timeout")]
    [InlineData("--prioritty", "--priority")]
    [InlineData("--tiemout", "--timeout")]
    [InlineData("--odd", null)] // two letters of four away from --code
    [InlineData("--alpha", null)]
    [InlineData("-x", null)]
    public void Nearest_IsASlipAway_OrNothing(string word, string? nearest) =>
        Assert.Equal(nearest, OptionCheck.Nearest(word, ["-c", "--memory", "--timeout", "--priority", "--gpu", "--type", "--code"]));
}
