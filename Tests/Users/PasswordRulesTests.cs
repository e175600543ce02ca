using HiveMind.Users;

namespace HiveMind.Tests.Users;

public sealed class PasswordRulesTests
{
    [Theory]
    [InlineData("correct horse battery")]
    [InlineData("secure_password123")] // the seed's
    [InlineData("another_password")]
    [InlineData("pa55-the-salt-please")]
    [InlineData("ÄÖÜäöüß1")]
    [InlineData("😀😎🐱🐶🦊🐻🐼🐨")]
    [InlineData("6f1c0b9e2d")]
    public void Problem_Good_None(string password) => Assert.Null(PasswordRules.Problem(password, "alice", "alice@example.org"));

    [Theory]
    [InlineData("password")]
    [InlineData("Password1")]
    [InlineData("P@ssw0rd!")]
    [InlineData("password2024!")]
    [InlineData("12345678")]
    [InlineData("1234567890")]
    [InlineData("87654321")]
    [InlineData("abcdefgh")]
    [InlineData("abcabcabc")]
    [InlineData("xyzwxyzw")]
    [InlineData("11112222")]
    [InlineData("qwertyuiop")]
    [InlineData("1q2w3e4r")]
    [InlineData("iloveyou")]
    [InlineData("sunshine99")]
    [InlineData("monkeymonkey")]
    [InlineData("        ")]
    [InlineData("        \u3000")]
    [InlineData("hivemind")]
    [InlineData("HiveMind2026")]
    [InlineData("alice123")]
    [InlineData("alicealice")]
    [InlineData("alice.liddell@example.org")]
    [InlineData("alice.liddell1")]
    public void Problem_GuessedFirst_IsSaid(string password) =>
        Assert.NotNull(PasswordRules.Problem(password, "alice", "alice.liddell@example.org"));

    [Theory]
    [InlineData("short")]
    [InlineData("😀😎🐱🐶")] // eight UTF-16 units, four characters
    [InlineData("\0\0\0\0\0\0\0\0")]
    [InlineData("tab\there and there")]
    public void Problem_TooShortOrControl_SaysTheLength(string password) => Assert.StartsWith("8 to 256", PasswordRules.Problem(password));

    [Fact]
    public void Problem_Length_IsCountedInCharacters()
    {
        var long256 = string.Concat(Enumerable.Range(0, 256).Select(i => char.ConvertFromUtf32(0x1F300 + (i * 7 % 256))));

        Assert.Null(PasswordRules.Problem(long256));
        Assert.NotNull(PasswordRules.Problem(long256 + "x"));
    }

    [Theory]
    [InlineData("e\u0301", "\u00e9")]
    [InlineData("\u1112\u1161\u11ab", "\ud55c")] // Hangul, by rule
    [InlineData("\u212b", "\u00c5")] // Angstrom sign: another character for the same
    [InlineData("a\u0315\u0300\u05ae\u0300b", "\u00e0\u05ae\u0300\u0315b")] // marks in the order of their classes
    [InlineData("\u0958", "\u0915\u093c")] // never composed
    [InlineData("s\u0323\u0307", "\u1e69")]
    [InlineData("s\u0307\u0323", "\u1e69")]
    [InlineData("q\u0307\u0323", "q\u0323\u0307")]
    [InlineData("plain ascii", "plain ascii")]
    public void Nfc_IsTheComposedForm(string given, string composed)
    {
        Assert.Equal(composed, Nfc.Compose(given));
        Assert.Equal(composed, Nfc.Compose(composed));
    }
}
