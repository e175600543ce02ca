namespace HiveMind.Storage;

/// <summary>Text: a part of user name, e-mail, display name or id. Null or empty: any.</summary>
public sealed record AccountFilter(string Text = "", string Role = "", bool? IsActive = null);
