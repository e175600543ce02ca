using HiveMind.Persistence;
using HiveMind.Storage;

namespace HiveMind.Tasks;

/// <summary>
/// Before the birth of a task whose id may have been used before: whether it ended long ago, so that only the database knows it. Those born together
/// on this silo cost one question.
/// </summary>
public sealed class EndedLookup
{
    private const int Together = 500;
    private readonly SharedCalls<Question> _questions;

    public EndedLookup(IEndedTasks ended) => _questions = new(async asked =>
    {
        var unreadable = new HashSet<string>();
        var found = (await ended.FindAll([.. asked.Select(question => question.TaskId)], CancellationToken.None, id => unreadable.Add(id)))
            .ToDictionary(task => task.TaskId);
        foreach (var question in asked) (question.Found, question.IsUnreadable) = (found.GetValueOrDefault(question.TaskId), unreadable.Contains(question.TaskId));
    }, Together);

    public async Task<TaskSnapshot?> Find(string taskId)
    {
        var question = new Question(taskId);
        await _questions.Join(question);
        return question.IsUnreadable ? throw HiveMindException.Unreadable($"of ended task {taskId}") : question.Found; // it was: born anew, it would run twice
    }

    private sealed class Question(string taskId)
    {
        public string TaskId => taskId;
        public TaskSnapshot? Found { get; set; }
        public bool IsUnreadable { get; set; }
    }
}
