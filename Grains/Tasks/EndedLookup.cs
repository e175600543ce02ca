using HiveMind.Persistence;
using HiveMind.Storage;

namespace HiveMind.Tasks;

/// <summary>
/// Before the birth of a task whose id may have been used before: whether it ended long ago, so that only the books know it. Those born together
/// on this silo cost one question.
/// </summary>
public sealed class EndedLookup
{
    private const int Together = 500;
    private readonly SharedCalls<Question> _questions;

    public EndedLookup(IEndedTasks ended) => _questions = new(async asked =>
    {
        var found = (await ended.FindAll([.. asked.Select(question => question.TaskId)], CancellationToken.None)).ToDictionary(task => task.TaskId);
        foreach (var question in asked) question.Found = found.GetValueOrDefault(question.TaskId);
    }, Together);

    public async Task<TaskSnapshot?> Find(string taskId)
    {
        var question = new Question(taskId);
        await _questions.Join(question);
        return question.Found;
    }

    private sealed class Question(string taskId)
    {
        public string TaskId => taskId;
        public TaskSnapshot? Found { get; set; }
    }
}
