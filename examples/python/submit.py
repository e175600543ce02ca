"""Log in, submit a program, watch it, print what it prints. Stubs: see README.   submit.py HOST:PORT USER PROGRAM.py   (password on stdin)"""
import sys
import grpc
import nodepool_pb2 as pb
import nodepool_pb2_grpc as rpc

address, user, program = sys.argv[1:]
channel = grpc.insecure_channel(address)
login = rpc.UserServiceStub(channel).LoginUser(pb.LoginUserRequest(username=user, password=sys.stdin.readline().rstrip("\n")))
me = [("authorization", f"Bearer {login.session_token}")]
tasks = rpc.MasterNodeServiceStub(channel)

task = tasks.SubmitTask(pb.SubmitTaskRequest(task_type="python", task_data=open(program, "rb").read()), metadata=me)
ended = None
for event in tasks.WatchTask(pb.WatchTaskRequest(task_id=task.task_id, with_output=True), metadata=me):
    if event.HasField("snapshot"):
        ended = event.snapshot
        print(f"{ended.status}: {ended.reason_text or ended.assigned_node}", file=sys.stderr)
    elif event.HasField("output"):
        out = sys.stderr if event.output.stream == "stderr" else sys.stdout
        out.buffer.write(event.output.data)
        out.buffer.flush()
sys.exit(0 if ended.status == "completed" else 1)
