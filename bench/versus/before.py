"""The other side of a bench: prepares one work, says that it is ready, and does it once for each line that it reads, answering with seconds."""
import json, os, sys, time, warnings

warnings.simplefilter("ignore")
directory, work, peer, part, THREADS = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print is not an answer
sys.stdout = sys.stderr

def say(**fields):
    print(json.dumps(fields), file=answers, flush=True)

