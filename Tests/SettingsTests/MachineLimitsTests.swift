import Engine
import Settings
import Testing

@Suite("Limits of the machine") struct MachineLimitsTests {
    /// Two groups of two processors each, and 16 GiB.
    private static let machine = [
        "/proc/self/status": "Name:\trestored\nCpus_allowed:\tf\nCpus_allowed_list:\t0-1,8-9\nMems_allowed_list:\t0\n",
        "/proc/meminfo": "MemTotal:       16777216 kB\nMemFree:        1 kB\n",
    ]

    private func limits(_ files: [String: String]) -> MachineLimits {
        let files = Self.machine.merging(files) { $1 }
        return MachineLimits { files[$0] }
    }

    @Test("without control groups: the affinity mask and the memory there is")
    func bare() {
        #expect(limits([:]) == MachineLimits(processors: 4, memory: 16 << 30))
    }

    @Test("version 2: the least limit of the group and those above it")
    func version2() {
        let found = limits([
            "/proc/self/cgroup": "0::/pods/one/restored\n",
            "/sys/fs/cgroup/pods/one/restored/memory.max": "max\n",
            "/sys/fs/cgroup/pods/one/memory.max": "4294967296\n",
            "/sys/fs/cgroup/pods/memory.max": "8589934592\n",
            "/sys/fs/cgroup/pods/one/restored/cpu.max": "max 100000\n",
            "/sys/fs/cgroup/pods/cpu.max": "250000 100000\n",
        ])
        #expect(found == MachineLimits(processors: 3, memory: 4 << 30))
    }

    @Test("version 2 in a container: its own group is the root of what is mounted")
    func container() {
        let found = limits([
            "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "1073741824\n",
            "/sys/fs/cgroup/cpu.max": "50000 100000\n",
        ])
        #expect(found == MachineLimits(processors: 1, memory: 1 << 30))
    }

    @Test("version 1: hierarchies of their own, and no limit is a huge number or -1")
    func version1() {
        let groups = "9:name=systemd:/\n4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n"
        let limited = limits([
            "/proc/self/cgroup": groups,
            // The path is the host's; in the container its own group is the root.
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "2147483648\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "200000\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        ])
        #expect(limited == MachineLimits(processors: 2, memory: 2 << 30))
        let free = limits([
            "/proc/self/cgroup": groups, "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        ])
        #expect(free == MachineLimits(processors: 4, memory: 16 << 30))
    }

    @Test("a quota beyond the processors there are gives no more of them")
    func generousQuota() {
        #expect(limits(["/proc/self/cgroup": "0::/", "/sys/fs/cgroup/cpu.max": "9900000 100000"]).processors == 4)
    }

    @Test("what can't be read is no limit", arguments: ["", "rubbish", "1:2", "0::/\n::::\n", "0::/../..\n"])
    func unreadable(groups: String) {
        let found = limits([
            "/proc/self/cgroup": groups, "/sys/fs/cgroup/memory.max": "-5\n", "/sys/fs/cgroup/cpu.max": "1 0\n",
        ])
        #expect(found == MachineLimits(processors: 4, memory: 16 << 30))
        let none = MachineLimits { _ in nil }
        #expect(none.processors >= 1 && none.memory > 0)
    }

    @Test("this machine has some")
    func current() {
        #expect(MachineLimits.current.processors >= 1 && MachineLimits.current.memory > 64 << 20)
    }
}
