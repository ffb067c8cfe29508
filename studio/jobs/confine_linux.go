package jobs

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The rights that a confined job has and that it lacks elsewhere. Executing is not among them: a job starts nothing, and what it could
// start is confined with it.
const (
	reading = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	writing = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK | unix.LANDLOCK_ACCESS_FS_MAKE_SYM
	ofFiles = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE // rights that a rule about a file may hold
)

// systemFiles are what the runtime and the libraries look at.
var systemFiles = []string{"/usr", "/lib", "/lib64", "/etc/localtime", "/etc/ssl", "/sys", "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/sys",
	"/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"}

// confine starts this program anew, with only the home folder to write and, besides it, the readable folders to read, by Landlock; it comes
// back only where that is not to be had. It is the second lock on the door: that the paths of a request lie in those folders has been
// checked before. The XLA backend loads drivers from all over the system, so that a job on it has only the first.
func confine(o *order, line []byte) error {
	if o.Readable == nil || strings.HasPrefix(o.Request.Backend, "xla") {
		return nil
	}
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return nil // an older kernel
	}
	handled := uint64(reading | writing)
	if abi >= 2 {
		handled |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	temp := filepath.Join(o.Home, "studio", "tmp") // the system's is shared with everybody
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return err
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: handled}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr.Handled_access_fs), 0)
	if errno != 0 {
		return errno
	}
	rules := int(fd)
	defer unix.Close(rules)
	for _, dir := range []string{o.Home, o.Request.RunDir, o.Dir} {
		if dir != "" {
			if err := allow(rules, dir, handled); err != nil {
				return err
			}
		}
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	for _, path := range slices.Concat(o.Readable, systemFiles, []string{program}) {
		if err := allow(rules, path, reading); err != nil {
			return err
		}
	}
	// A thread confines itself only; to start anew from it confines all that come.
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return errno
	}
	return unix.Exec(program, os.Args, append(os.Environ(), "TMPDIR="+temp, confinedOrder+"="+string(line)))
}

// allow adds a rule for what lies below a path; a path that does not exist needs none.
func allow(rules int, path string, rights uint64) error {
	path, err := filepath.EvalSymlinks(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var info unix.Stat_t
	if err := unix.Fstat(fd, &info); err != nil {
		return err
	}
	if info.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= ofFiles
	}
	attr := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(rules), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&attr)), 0, 0, 0)
	if errno != 0 {
		return &os.PathError{Op: "confine to", Path: path, Err: errno}
	}
	return nil
}
