#include "lib/host/sandbox_calls.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/socket.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* What a mail server never does, whoever has taken it over. */
static const int denied[] = {
	/* other programs, other processes */
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(process_madvise),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(kcmp),
	SCMP_SYS(personality),
	/* another view of the system */
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(chroot),
	SCMP_SYS(pivot_root),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_tree),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsmount),
	SCMP_SYS(fsconfig),
	SCMP_SYS(fspick),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(mknod),
	SCMP_SYS(mknodat),
	SCMP_SYS(quotactl),
	SCMP_SYS(acct),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	/* wide and young doors into the kernel */
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	SCMP_SYS(add_key),
	SCMP_SYS(keyctl),
	SCMP_SYS(request_key),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(reboot),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	SCMP_SYS(modify_ldt),
	SCMP_SYS(vmsplice),
};

/* What signing takes, once the keys are loaded and the channel is open. */
static const int allowed[] = {
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(futex),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(close),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

static int
add(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
	int error = 0;
	for (size_t i = 0; i < count && !error; i++)
		error = seccomp_rule_add(filter, action, calls[i], 0);
	return error;
}

static int
add_allowed(scmp_filter_ctx filter)
{
	return add(
	    filter, SCMP_ACT_ALLOW, allowed, sizeof allowed / sizeof *allowed);
}

/* Threads yes, namespaces no.  clone3 hides its flags behind a pointer: glibc
   takes clone when it isn't there. */
static int
deny_namespaces(scmp_filter_ctx filter)
{
	static const unsigned flags[] = { CLONE_NEWUSER, CLONE_NEWNS,
		CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWIPC, CLONE_NEWUTS,
		CLONE_NEWCGROUP };
	int error = seccomp_rule_add(
	    filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	for (size_t i = 0; i < sizeof flags / sizeof *flags && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
		    SCMP_SYS(clone), 1,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
	return error;
}

/* All families but the Internet's: netlink, packets, crypto ... and AF_UNIX,
   because abstract sockets of a host whose network we share are in no folder
   that Landlock could close. */
static int
deny_sockets(scmp_filter_ctx filter)
{
	uint32_t no = SCMP_ACT_ERRNO(EAFNOSUPPORT);
	int error = seccomp_rule_add(
	    filter, no, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GT, AF_INET6, 0));
	for (scmp_datum_t family = 0; family < AF_INET6 && !error; family++)
		if (family != AF_INET)
			error = seccomp_rule_add(filter, no, SCMP_SYS(socket),
			    1, SCMP_A0(SCMP_CMP_EQ, family, 0));
	return error;
}

static int
add_denied(scmp_filter_ctx filter)
{
	static const int trace[] = { SCMP_SYS(ptrace) };
	uint32_t no = SCMP_ACT_ERRNO(EPERM);
	int error = add(filter, no, denied, sizeof denied / sizeof *denied);
	if (!error && !SANITIZED) /* LeakSanitizer looks with it */
		error = add(filter, no, trace, 1);
	if (!error)
		error = deny_namespaces(filter);
	return error ? error : deny_sockets(filter);
}

const char *
sandbox_calls(enum sandbox_calls calls, const char **why)
{
	bool allow = calls == SANDBOX_CALLS_SIGNER;
	if (allow && SANITIZED) {
		*why = "not under a sanitizer";
		return NULL;
	}
	scmp_filter_ctx filter =
	    seccomp_init(allow ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW);
	int error = ENOMEM;
	if (filter)
		error = -(allow ? add_allowed(filter) : add_denied(filter));
	if (!error)
		error = -seccomp_load(filter);
	seccomp_release(filter);
	*why = error ? strerrordesc_np(error) : "";
	if (error)
		return NULL;
	return allow ? "allow" : "deny";
}
