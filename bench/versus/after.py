
try:
    title, run = globals()[f"{work}_{peer}"]()
except Exception as error:
    say(error=f"{type(error).__name__}: {error}")
    sys.exit()
say(title=title)
for _ in sys.stdin:
    try:
        seconds, remark = run()
        say(seconds=seconds, remark=remark)
    except Exception as error:
        say(error=f"{type(error).__name__}: {error}")
