namespace HiveMind;

public enum AuthMode { Locked, Open }
