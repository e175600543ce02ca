"""Sums what the counting tasks printed: one JSON object a line on standard input."""
import json
import sys

counts = [json.loads(line) for line in sys.stdin if line.strip()]
print(json.dumps({"chunks": len(counts), "words": sum(count["words"] for count in counts)}))
