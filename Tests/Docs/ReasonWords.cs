using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace HiveMind.Tests.Docs;

/// <summary>
/// The reason words of the source, and the code each is said with. A word is what stands where a parameter or property called "reason" or "cause" is given a value, and every literal that
/// looks like one (two parts or more). Its code is what stands beside it, or what the method says that it is given to: found by names, without compiling.
/// </summary>
internal sealed partial class ReasonWords
{
    private static readonly string[] CodeTypes = ["FailureKind", "StatusCode", "ExitCodes", "SiloHost"];

    private readonly ILookup<string, string> _constants;
    /// <summary>By the name of a method or type: where among its parameters the reason is.</summary>
    private readonly Dictionary<string, HashSet<int>> _takers = [];
    /// <summary>By the name of a method or type that takes a reason: the codes that it says it with.</summary>
    private readonly Dictionary<string, HashSet<string>> _codesOf = [];
    private readonly Dictionary<string, HashSet<string>> _words = [];

    public ReasonWords(IReadOnlyList<SyntaxNode> roots)
    {
        _constants = roots.SelectMany(root => root.DescendantNodes().OfType<FieldDeclarationSyntax>())
            .Where(field => field.Modifiers.Any(SyntaxKind.ConstKeyword))
            .SelectMany(field => field.Declaration.Variables)
            .Where(one => one.Initializer?.Value is LiteralExpressionSyntax { Token.Value: string })
            .ToLookup(one => one.Identifier.Text, one => ((LiteralExpressionSyntax)one.Initializer!.Value).Token.ValueText);
        var nodes = roots.SelectMany(root => root.DescendantNodes()).ToList();
        foreach (var list in nodes.OfType<ParameterListSyntax>()) Declare(list);
        var calls = nodes.Select(Call.Of).OfType<Call>().ToList();
        // A reason may be handed on some times before it meets its code.
        while (calls.Count(HandsOn) > 0) ;
        foreach (var call in calls) Note(call);
        foreach (var assignment in nodes.OfType<AssignmentExpressionSyntax>())
            if (assignment.Left is IdentifierNameSyntax { Identifier.Text: "Reason" or "Cause" }) Add(Words(assignment.Right), []);
        foreach (var parameter in nodes.OfType<ParameterSyntax>())
            if (IsReason(parameter) && parameter.Default is { } usual) Add(Words(usual.Value), []);
        foreach (var literal in nodes.OfType<LiteralExpressionSyntax>())
            if (literal.Token.Value is string text && TwoParts().IsMatch(text)) Add([text], []);
    }

    /// <summary>Each word with its codes; none where they are not said beside it.</summary>
    public IReadOnlyDictionary<string, HashSet<string>> All => _words;

    private void Declare(ParameterListSyntax list)
    {
        for (var i = 0; i < list.Parameters.Count; i++)
        {
            if (!IsReason(list.Parameters[i]) || NameOf(list.Parent) is not { } name) continue;
            if (!_takers.TryGetValue(name, out var places)) _takers[name] = places = [];
            places.Add(i);
        }
    }

    /// <summary>Whether a method was learnt to say its reason with one more code.</summary>
    private bool HandsOn(Call call)
    {
        var around = call.Node.Ancestors().Where(node => node is MethodDeclarationSyntax or ConstructorDeclarationSyntax or TypeDeclarationSyntax);
        var isNew = false;
        foreach (var reason in Reasons(call).OfType<IdentifierNameSyntax>())
        {
            if (around.FirstOrDefault(node => ParametersOf(node)?.Parameters.Any(one => IsReason(one) && one.Identifier.Text == reason.Identifier.Text) == true) is not { } taker) continue;
            if (!_codesOf.TryGetValue(NameOf(taker)!, out var codes)) _codesOf[NameOf(taker)!] = codes = [];
            foreach (var code in CodesOf(call)) isNew |= codes.Add(code);
        }

        return isNew;
    }

    private void Note(Call call)
    {
        foreach (var reason in Reasons(call)) Add(Words(reason), CodesOf(call));
    }

    private void Add(IEnumerable<string> words, IEnumerable<string> codes)
    {
        foreach (var word in words)
        {
            if (!_words.TryGetValue(word, out var known)) _words[word] = known = [];
            known.UnionWith(codes);
        }
    }

    /// <summary>What is given for a reason; with a code beside it, whatever looks like a word.</summary>
    private IEnumerable<ExpressionSyntax> Reasons(Call call)
    {
        var hasCode = OwnCodes(call).Any();
        for (var i = 0; i < call.Arguments.Count; i++)
        {
            var argument = call.Arguments[i];
            var isReason = argument.NameColon is { } named ? IsReason(named.Name.Identifier.Text)
                : call.Name is { } name && _takers.TryGetValue(name, out var places) && places.Contains(i);
            if (isReason || (hasCode && argument.Expression is LiteralExpressionSyntax) || (hasCode && argument.Expression is IdentifierNameSyntax { Identifier.Text: "reason" }))
                yield return argument.Expression;
        }
    }

    private IEnumerable<string> CodesOf(Call call)
    {
        var own = OwnCodes(call).ToList();
        return own.Count > 0 ? own : call.Name is { } name && _codesOf.TryGetValue(name, out var codes) ? codes : [];
    }

    private static IEnumerable<string> OwnCodes(Call call) => call.Arguments.Select(argument => argument.Expression).OfType<MemberAccessExpressionSyntax>()
        .Where(member => CodeTypes.Contains(Last(member.Expression)))
        .Select(member => $"{Last(member.Expression)}.{member.Name.Identifier.Text}");

    private IEnumerable<string> Words(ExpressionSyntax value) => value switch
    {
        LiteralExpressionSyntax { Token.Value: string text } => OneWord().IsMatch(text) ? [text] : [],
        ParenthesizedExpressionSyntax inner => Words(inner.Expression),
        ConditionalExpressionSyntax either => Words(either.WhenTrue).Concat(Words(either.WhenFalse)),
        BinaryExpressionSyntax { RawKind: (int)SyntaxKind.CoalesceExpression } either => Words(either.Left).Concat(Words(either.Right)),
        SwitchExpressionSyntax many => many.Arms.SelectMany(arm => Words(arm.Expression)),
        IdentifierNameSyntax or MemberAccessExpressionSyntax => _constants[Last(value)].Where(text => OneWord().IsMatch(text)),
        _ => [],
    };

    private static bool IsReason(ParameterSyntax parameter) => IsReason(parameter.Identifier.Text) && parameter.Type?.ToString() is "string" or "string?";

    private static bool IsReason(string name) => name.Equals("reason", StringComparison.OrdinalIgnoreCase) || name.Equals("cause", StringComparison.OrdinalIgnoreCase);

    private static ParameterListSyntax? ParametersOf(SyntaxNode node) => node switch
    {
        BaseMethodDeclarationSyntax method => method.ParameterList,
        TypeDeclarationSyntax type => type.ParameterList,
        _ => null,
    };

    private static string? NameOf(SyntaxNode? node) => node switch
    {
        MethodDeclarationSyntax method => method.Identifier.Text,
        ConstructorDeclarationSyntax constructor => constructor.Identifier.Text,
        LocalFunctionStatementSyntax local => local.Identifier.Text,
        TypeDeclarationSyntax type => type.Identifier.Text,
        _ => null,
    };

    private static string Last(ExpressionSyntax name) => name switch
    {
        MemberAccessExpressionSyntax member => member.Name.Identifier.Text,
        IdentifierNameSyntax identifier => identifier.Identifier.Text,
        _ => "",
    };

    [GeneratedRegex("^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$")]
    private static partial Regex OneWord();

    [GeneratedRegex("^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$")]
    private static partial Regex TwoParts();

    /// <summary>A call, a new object or a base constructor; no name where the type is left to the compiler.</summary>
    private sealed record Call(SyntaxNode Node, string? Name, SeparatedSyntaxList<ArgumentSyntax> Arguments)
    {
        public static Call? Of(SyntaxNode node) => node switch
        {
            InvocationExpressionSyntax call => new(node, Last(call.Expression), call.ArgumentList.Arguments),
            ObjectCreationExpressionSyntax { ArgumentList: { } list } made => new(node, made.Type.ToString(), list.Arguments),
            ImplicitObjectCreationExpressionSyntax made => new(node, null, made.ArgumentList.Arguments),
            PrimaryConstructorBaseTypeSyntax based => new(node, based.Type.ToString(), based.ArgumentList.Arguments),
            _ => null,
        };
    }
}
