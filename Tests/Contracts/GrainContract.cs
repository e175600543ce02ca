using System.Reflection;
using Orleans;
using Orleans.Runtime;

namespace HiveMind.Tests.Contracts;

/// <summary>
/// What silos say to each other and what they store, by the names that stand in messages and records: aliases, ids, names of grains, states and reminders. Never by assembly, and by a
/// namespace nowhere: types may move.
/// </summary>
internal static class GrainContract
{
    public const string File = "grains.txt", About = "The contracts of the grains: what silos of other versions say, and what older ones stored.";

    /// <summary>The hub's own assemblies, whichever they are.</summary>
    public static IReadOnlyList<Assembly> Product { get; } = Closure(typeof(SiloHost).Assembly);

    public static Contract Build() => Contract.Of(Facts(Product.SelectMany(assembly => assembly.GetTypes()).ToList()));

    public static IEnumerable<(string Key, string Value)> Facts(IReadOnlyList<Type> types)
    {
        var enums = new HashSet<Type>();
        foreach (var type in types.Where(IsContract))
        {
            yield return ($"interface {Name(type)}", Keyed(type));
            foreach (var method in Methods(type))
            {
                foreach (var used in method.GetParameters().Select(parameter => parameter.ParameterType).Append(method.ReturnType)) Enums(used, enums);
                yield return ($"method {Name(type)}.{AliasOf(method) ?? method.Name}",
                    $"({string.Join(", ", method.GetParameters().Select(parameter => Name(parameter.ParameterType)))}) returns {Name(method.ReturnType)}");
            }
        }

        foreach (var type in types.Where(IsSerialized))
        {
            yield return ($"type {Name(type)}", $"{(type.IsValueType ? "struct" : "class")}{(IsOwn(type.BaseType!) ? $" of {Name(type.BaseType!)}" : "")}");
            foreach (var (id, member, kind) in Members(type))
            {
                Enums(kind, enums);
                yield return ($"field {Name(type)} {id}", $"{Name(kind)} {member}");
            }
        }

        foreach (var many in enums.OrderBy(many => many.Name, StringComparer.Ordinal))
        {
            yield return ($"enum {many.Name}", Name(Enum.GetUnderlyingType(many)));
            foreach (var field in many.GetFields(BindingFlags.Public | BindingFlags.Static)) yield return ($"value {many.Name}.{field.Name}", $"{Convert.ToInt64(field.GetRawConstantValue())}");
        }

        foreach (var grain in types.Where(type => type.GetCustomAttribute<GrainTypeAttribute>() is not null))
        {
            var name = NameOfGrain(grain);
            yield return ($"grain {name}", string.Join(", ", grain.GetInterfaces().Where(IsContract).Select(Name).Order(StringComparer.Ordinal)));
            foreach (var parameter in grain.GetConstructors().SelectMany(made => made.GetParameters()))
                if (parameter.GetCustomAttribute<PersistentStateAttribute>() is { } state)
                    yield return ($"state {name}/{state.StateName}", $"{Name(parameter.ParameterType.GetGenericArguments()[0])} on {state.StorageName}");
            foreach (var reminder in Reminders(grain)) yield return ($"reminder {name}/{reminder}", "");
        }
    }

    /// <summary>What has no name of its own in messages and records, and would change its name by moving.</summary>
    public static IEnumerable<string> Unnamed(IReadOnlyList<Type> types) =>
        types.Where(type => IsContract(type) || IsSerialized(type)).Where(type => AliasOf(type) is null).Select(type => type.FullName!)
            .Concat(types.Where(IsContract).SelectMany(Methods).Where(method => AliasOf(method) is null).Select(method => $"{method.DeclaringType!.FullName}.{method.Name}"))
            .Concat(types.Where(IsSerialized).SelectMany(type => Members(type).Where(member => member.Id.StartsWith('p')).Select(member => $"{type.FullName}.{member.Member}")))
            .Concat(types.Where(type => type is { IsClass: true, IsAbstract: false } && type.IsAssignableTo(typeof(IGrain))
                && type.GetCustomAttribute<GrainTypeAttribute>() is null && !IsGenerated(type)).Select(type => type.FullName!));

    /// <summary>A grain with reminders keeps their names in constants.</summary>
    public static IEnumerable<string> Reminders(Type grain) => !grain.IsAssignableTo(typeof(IRemindable)) ? []
        : grain.GetFields(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public).Where(field => field.IsLiteral && field.FieldType == typeof(string) && field.Name.EndsWith("Reminder", StringComparison.Ordinal))
            .Select(field => (string)field.GetRawConstantValue()!);

    public static bool IsContract(Type type) => type.IsInterface && IsOwn(type) && type.IsAssignableTo(typeof(IAddressable));

    private static bool IsSerialized(Type type) => type.GetCustomAttribute<GenerateSerializerAttribute>(inherit: false) is not null && !IsGenerated(type);

    /// <summary>Messages and codecs that Orleans writes: made anew from the contracts by every build.</summary>
    private static bool IsGenerated(Type type) => type.Namespace?.StartsWith("OrleansCodeGen", StringComparison.Ordinal) == true;

    private static IEnumerable<MethodInfo> Methods(Type contract) => contract.GetMethods().Where(method => !method.IsStatic && !method.IsSpecialName);

    private static IEnumerable<(string Id, string Member, Type Kind)> Members(Type type)
    {
        const BindingFlags own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        foreach (var property in type.GetProperties(own))
            if (property.GetCustomAttribute<IdAttribute>() is { } id) yield return ($"{id.Id}", property.Name, property.PropertyType);
        foreach (var field in type.GetFields(own))
            if (field.GetCustomAttribute<IdAttribute>() is { } id) yield return ($"{id.Id}", field.Name, field.FieldType);
        // A record's parameters without ids get ids by their order.
        if (type.GetMethod("<Clone>$", own) is null) yield break;
        var parameters = type.GetConstructors().OrderByDescending(made => made.GetParameters().Length).FirstOrDefault()?.GetParameters() ?? [];
        foreach (var parameter in parameters)
            if (type.GetProperty(parameter.Name!, own) is { } property && property.GetCustomAttribute<IdAttribute>() is null) yield return ($"p{parameter.Position}", property.Name, property.PropertyType);
    }

    private static string Keyed(Type contract) =>
        contract.IsAssignableTo(typeof(IGrainWithStringKey)) ? "key string" : contract.IsAssignableTo(typeof(IGrainObserver)) ? "observer" : "key of another kind";

    private static string NameOfGrain(Type grain) => grain.GetCustomAttributesData().First(one => one.AttributeType == typeof(GrainTypeAttribute)).ConstructorArguments[0].Value!.ToString()!;

    private static void Enums(Type type, HashSet<Type> found)
    {
        if (type.IsEnum && IsOwn(type)) found.Add(type);
        foreach (var part in type.GetGenericArguments()) Enums(part, found);
        if (type.GetElementType() is { } element) Enums(element, found);
    }

    private static string Name(Type type)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner) return $"{Name(inner)}?";
        if (type.IsArray) return $"{Name(type.GetElementType()!)}[]";
        if (type.IsGenericType) return $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>";
        return AliasOf(type) ?? type.Name;
    }

    private static string? AliasOf(MemberInfo member) => member.GetCustomAttribute<AliasAttribute>(inherit: false)?.Alias;

    private static bool IsOwn(Type type) => type.Assembly.GetName().Name!.StartsWith("HiveMind.", StringComparison.Ordinal);

    private static List<Assembly> Closure(Assembly root)
    {
        List<Assembly> found = [root];
        for (var i = 0; i < found.Count; i++)
            found.AddRange(found[i].GetReferencedAssemblies().Where(name => name.Name!.StartsWith("HiveMind.", StringComparison.Ordinal) && found.TrueForAll(one => one.GetName().Name != name.Name)).Select(Assembly.Load));
        return found;
    }
}
