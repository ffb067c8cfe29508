package reader

import "golang.org/x/sys/unix"

// overhead is what the process maps and hardly uses: the runtime's own tables, stacks of threads.
const overhead = 1 << 30

// limit has the system refuse what goes beyond the task.
func limit(t *Task) error {
	data := uint64(t.Memory + overhead)
	if err := unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: data, Max: data}); err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return err
	}
	if t.Write <= 0 {
		return nil
	}
	return unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: uint64(t.Write), Max: uint64(t.Write)})
}
