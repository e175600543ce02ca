using Spectre.Console;

namespace HiveMind.Cli;

/// <summary>Rows for people: a drawn table on a terminal, aligned plain columns in a pipe.</summary>
internal sealed class TextTable(params string[] columns)
{
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

    /// <summary>Shows the table, or its JSON form.</summary>
    public void Show(Terminal terminal, object json)
    {
        if (terminal.IsLive)
        {
            AnsiConsole.Write(Drawn());
        }
        else
        {
            terminal.Result(Plain(), json);
        }
    }
}
