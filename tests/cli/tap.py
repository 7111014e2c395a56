"""What the scripts of this folder share: checks, written as TAP."""
number = failed = 0


def check(what, good, more=""):
    global number, failed
    number += 1
    failed += not good
    print("%sok %d - %s" % ("" if good else "not ", number, what), flush=True)
    if not good:
        print("# " + str(more)[:2000].replace("\n", "\n# "))


def status():
    return 1 if failed else 0
