# Run within gdb: every thread's frames as "TID ADDRESS…", without inlined ones and the tail calls that gdb infers.
import gdb

gdb.execute("set backtrace past-main on")
gdb.execute("set backtrace past-entry on")
gdb.execute("set backtrace limit 5000")
for thread in gdb.selected_inferior().threads():
    thread.switch()
    addresses = []
    try:
        frame = gdb.newest_frame()
        while frame is not None:
            if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
                addresses.append("%x" % frame.pc())
            frame = frame.older()
    except gdb.error:
        pass
    print("TID", thread.ptid[1] or thread.ptid[0], " ".join(addresses))
