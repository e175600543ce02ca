using Spectre.Console;

namespace HiveMind.Cli;

/// <summary>Rows for people: a drawn table on a terminal, aligned plain columns in a pipe.</summary>
internal sealed class TextTable(params string[] columns)
{
    /// <summary>A line and a space on each side, of each column.</summary>
    private const int Frame = 3;

    private readonly List<string[]> rows = [];

    public void Add(params string[] cells) => rows.Add([.. cells.Select(cell => PlainText.Visible(Words.Line(cell)))]);

    public Table Drawn()
    {
        var table = new Table().Border(TableBorder.Rounded);
        foreach (var column in columns)
        {
            table.AddColumn(new TableColumn(column.EscapeMarkup()).NoWrap());
        }

        foreach (var row in rows)
        {
            table.AddRow(row.Select(cell => cell.EscapeMarkup()).ToArray());
        }

        return table;
    }

    public string Plain()
    {
        string[][] all = [columns, .. rows];
        var widths = columns.Select((_, column) => all.Max(row => row[column].Length)).ToArray();
        return string.Join('\n', all.Select(row =>
            string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd()));
    }

    /// <summary>Whether it can be drawn without breaking words: a broken id is none that can be copied.</summary>
    public bool Fits(int width)
    {
        string[][] all = [columns, .. rows];
        return columns.Select((_, column) => all.Max(row => row[column].Length) + Frame).Sum() + 1 <= width;
    }

    /// <summary>Shows the table, or its JSON form. Where it is wider than the terminal: whole lines without a frame.</summary>
    public void Show(Terminal terminal, object json)
    {
        if (terminal.IsLive && Fits(AnsiConsole.Profile.Width))
        {
            AnsiConsole.Write(Drawn());
        }
        else
        {
            terminal.Result(Plain(), json);
        }
    }
}
