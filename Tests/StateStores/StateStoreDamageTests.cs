using System.Globalization;
using HiveMind.Storage;

namespace HiveMind.Tests.StateStores;

/// <summary>
/// Files of the state store that were damaged at rest: a start says so and refuses, or everything that was acknowledged is there. Nothing goes missing
/// without a word, and nothing ends the process.
/// </summary>
public sealed class StateStoreDamageTests : IDisposable
{
    private const int Tasks = 400;
    private const int PageSize = 4096;
    private static readonly string[] Files = [StateStoreFile.Name, $"{StateStoreFile.Name}-wal", CommitNote.FileName];
    private readonly TempStateStore temp = new();
    private readonly List<string> copies = [];

    /// <summary>How often the random damages are tried, on each state; HIVEMIND_DAMAGES says otherwise.</summary>
    private static int Rounds => int.TryParse(Environment.GetEnvironmentVariable("HIVEMIND_DAMAGES"), CultureInfo.InvariantCulture, out var rounds) ? rounds : 60;

    public void Dispose()
    {
        temp.Dispose();
        foreach (var copy in copies) Directory.Delete(copy, recursive: true);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Start_FilesDamagedAtRandom_RefusesWithASentenceOrHasEverything(bool isKilled)
    {
        var whole = await Prepared(isKilled);
        var outcomes = new Dictionary<string, int>();
        for (var seed = 1; seed <= Rounds; seed++)
        {
            var copy = Copy(whole);
            var what = Damage(copy, new Random(seed));
            var outcome = await Outcome(copy, $"seed {seed}: {what}");
            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
            Directory.Delete(copy, recursive: true);
            copies.Remove(copy);
        }

        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", outcomes.Select(pair => $"{pair.Key}: {pair.Value}")));
        Assert.Equal(Rounds, outcomes.Values.Sum());
        Assert.True(outcomes.GetValueOrDefault("refused") > 0, "no damage was found: were the files damaged at all?");
    }

    [Theory]
    [InlineData(16)]
    [InlineData(512)]
    [InlineData(5000)]
    public async Task Start_EndOfTheLogCutOff_SaysWhatIsLostAndWhatToDo(int bytes)
    {
        var copy = Copy(await Prepared(isKilled: true));
        using (var wal = File.OpenWrite(Path.Combine(copy, Files[1]))) wal.SetLength(wal.Length - bytes);

        var line = await Refused(copy);

        Assert.Contains("has lost what was acknowledged", line, StringComparison.Ordinal);
        Assert.Contains("were acknowledged", line, StringComparison.Ordinal);
        Assert.Contains("--accept-lost-floor", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_LogGone_IsRefused()
    {
        var copy = Copy(await Prepared(isKilled: true));
        File.Delete(Path.Combine(copy, Files[1]));

        Assert.Contains("has lost what was acknowledged", await Refused(copy), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Start_FileEmptyOrGone_IsRefused(bool isGone)
    {
        var copy = Copy(await Prepared(isKilled: false));
        var file = Path.Combine(copy, Files[0]);
        if (isGone) File.Delete(file);
        else File.WriteAllBytes(file, []);

        Assert.Contains("gone or empty", await Refused(copy), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_OnlyTheNoteDamaged_StartsWithAllOfIt()
    {
        var copy = Copy(await Prepared(isKilled: true));
        File.WriteAllBytes(Path.Combine(copy, CommitNote.FileName), new byte[2 * PageSize]);

        Assert.Equal("whole", await Outcome(copy, "note"));
        Assert.NotNull(CommitNote.Read(copy)); // and it is made anew
    }

    [Fact]
    public async Task Start_ARowChangedBySomeone_IsRefused()
    {
        var copy = Copy(await Prepared(isKilled: false));
        using (var connection = new StateStoreConnection(Path.Combine(copy, StateStoreFile.Name), create: false))
            connection.Execute("DELETE FROM unfinished WHERE id = 17");

        Assert.Contains($"records were found where", await Refused(copy), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_OfAnEarlierEngine_SaysWhatToDo()
    {
        Directory.CreateDirectory(Path.Combine(temp.Path, "Store", "checkpoints"));

        var line = await Refused(temp.Path);

        Assert.Contains("earlier version", line, StringComparison.Ordinal);
        Assert.Contains("--accept-lost-floor", line, StringComparison.Ordinal);
    }

    /// <summary>A state store with tasks in it, as kill -9 leaves it (a log that is not in the file yet) or as a clean stop does.</summary>
    private async Task<string> Prepared(bool isKilled)
    {
        var copy = "";
        await using (var stateStore = await temp.Start())
        {
            var samples = new StateStoreSamples(stateStore);
            for (var number = 1; number <= Tasks; number++) await samples.Submit(number);
            for (var number = 1; number <= Tasks; number += 2) await samples.Write(number, await samples.Read(number), 2);
            for (var number = 1; number <= 20; number++) await stateStore.Nodes.Add($"node-{number}");
            await samples.Submit(Tasks + 1);
            if (isKilled) copy = Copy(temp.Path);
        }

        return isKilled ? copy : Copy(temp.Path);
    }

    private static string Damage(string directory, Random random)
    {
        var files = Files.Select(name => Path.Combine(directory, name)).Where(File.Exists).ToArray();
        var file = files[random.Next(files.Length)];
        var bytes = File.ReadAllBytes(file);
        var what = random.Next(4);
        var told = "";
        switch (what)
        {
            case 0:
                var length = random.Next(1, 513);
                var at = random.Next(Math.Max(1, bytes.Length - length));
                for (var i = at; i < Math.Min(bytes.Length, at + length); i++) bytes[i] ^= (byte)random.Next(1, 256);
                told = $"{length} bytes at {at}";
                break;
            case 1:
                var cut = random.Next(1, Math.Min(bytes.Length, 3 * PageSize) + 1);
                bytes = bytes[..^cut];
                told = $"cut by {cut}";
                break;
            case 2:
                var zeroed = random.Next(Math.Max(1, bytes.Length / PageSize)) * PageSize;
                Array.Clear(bytes, zeroed, Math.Min(PageSize, bytes.Length - zeroed));
                told = $"zeroed page at {zeroed}";
                break;
            default:
                var pages = Math.Max(1, bytes.Length / PageSize);
                var (a, b) = (random.Next(pages) * PageSize, random.Next(pages) * PageSize);
                var one = bytes.AsSpan(a, Math.Min(PageSize, bytes.Length - Math.Max(a, b))).ToArray();
                bytes.AsSpan(b, one.Length).CopyTo(bytes.AsSpan(a));
                one.CopyTo(bytes.AsSpan(b));
                told = $"pages at {a} and {b} swapped";
                break;
        }

        File.WriteAllBytes(file, bytes);
        return $"{Path.GetFileName(file)}: {told}";
    }

    /// <summary>"refused", or "whole" when everything that was acknowledged is there.</summary>
    private static async Task<string> Outcome(string directory, string what)
    {
        StateStore stateStore;
        try
        {
            stateStore = await HiveMind.Storage.StateStore.Start(new StateStoreOptions { Directory = directory });
        }
        catch (StartRefusedException refused)
        {
            Assert.Contains(directory, Assert.Single(refused.Problems), StringComparison.Ordinal);
            return "refused";
        }

        await using (stateStore)
        {
            var samples = new StateStoreSamples(stateStore);
            for (var number = 1; number <= Tasks; number++)
                Assert.True(await samples.Version(number) == (number % 2 == 1 ? 2 : 1), $"{what}: task {number} is lost or old");
            Assert.True((await samples.Entries()).Count == Tasks + 1, $"{what}: entries are missing");
            Assert.True((await stateStore.Nodes.All()).Count == 20, $"{what}: nodes are missing");
            Assert.True(await samples.Version(Tasks + 1) == 1, $"{what}: the last commit is lost");
            return "whole";
        }
    }

    private static async Task<string> Refused(string directory) => Assert.Single(
        (await Assert.ThrowsAsync<StartRefusedException>(() => HiveMind.Storage.StateStore.Start(new StateStoreOptions { Directory = directory }))).Problems);

    private string Copy(string directory)
    {
        var copy = Directory.CreateTempSubdirectory("hivemind-floor-copy-").FullName;
        copies.Add(copy);
        foreach (var file in Files.Where(name => File.Exists(Path.Combine(directory, name))))
            File.Copy(Path.Combine(directory, file), Path.Combine(copy, file));
        return copy;
    }
}
