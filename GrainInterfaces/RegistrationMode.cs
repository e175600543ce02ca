namespace HiveMind;

/// <summary>Who may make an account: anybody, whoever has a code, or only who has the admin code or one made for that very name.</summary>
public enum RegistrationMode { Open, Code, Closed }
