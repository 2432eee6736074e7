import FoundationEssentials

/// How much of the machine this process may use, as its container limits it.
package struct MachineLimits: Sendable, Equatable {
    /// Processors that can be kept busy: those the process may run on, and no more than its quota pays for.
    package let processors: Int
    /// Bytes: what the machine has, or the least limit of the process' control groups.
    package let memory: Int

    package init(processors: Int, memory: Int) {
        self.processors = processors
        self.memory = memory
    }

    /// Of this process, read anew at each call.
    package static var current: MachineLimits {
        MachineLimits { path in (try? String(contentsOfFile: path, encoding: .utf8)) }
    }

    /// - Parameter read: the text of a file of the system, nil where it isn't there.
    package init(read: (_ path: String) -> String?) {
        let groups = ControlGroups(read: read)
        let allowed = Self.allowedProcessors(read) ?? ProcessInfo.processInfo.activeProcessorCount
        // Rounded up: half a processor is worth a thread.
        let paid = groups.processorQuota.map { Int(min($0.rounded(.up), 1_048_576)) }
        processors = max(1, min(allowed, paid ?? .max))
        let physical = Self.physicalMemory(read) ?? Int(clamping: ProcessInfo.processInfo.physicalMemory)
        memory = min(physical, groups.memoryLimit ?? .max)
    }

    /// How many the affinity mask has: `Cpus_allowed_list:	0-3,8` has five.
    private static func allowedProcessors(_ read: (String) -> String?) -> Int? {
        guard let list = field("Cpus_allowed_list:", in: read("/proc/self/status")) else { return nil }
        var count = 0
        for part in list.split(separator: ",") {
            let ends = part.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, first <= last else { return nil }
            count += last - first + 1
        }
        return count > 0 ? count : nil
    }

    /// `MemTotal:  16384 kB`
    private static func physicalMemory(_ read: (String) -> String?) -> Int? {
        guard let number = field("MemTotal:", in: read("/proc/meminfo"))?.split(separator: " ").first,
            let kibibytes = Int(number)
        else { return nil }
        let (bytes, overflow) = kibibytes.multipliedReportingOverflow(by: 1_024)
        return overflow ? nil : bytes
    }

    /// What stands behind a name at the start of a line.
    private static func field(_ name: String, in text: String?) -> Substring? {
        guard let line = text?.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
        return line.dropFirst(name.count).drop { $0 == " " || $0 == "\t" }
    }
}

/// Limits of the control groups (cgroups(7)) that the process is in, version 1 or 2. A group's limit binds all below
/// it, so the groups above count as well. Inside a container the path that the kernel tells may be that of the host
/// while the container's own group is mounted as the root, so the root is looked at too.
private struct ControlGroups {
    /// Bytes.
    private(set) var memoryLimit: Int?
    /// Processors' worth of time.
    private(set) var processorQuota: Double?

    private static let mount = "/sys/fs/cgroup"

    init(read: (String) -> String?) {
        for line in (read("/proc/self/cgroup") ?? "").split(separator: "\n") {
            // hierarchy:controllers:path, and 0::path in version 2.
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let controllers = parts[1].split(separator: ",")
            for folder in Self.folders(of: parts[2]) {
                if controllers.isEmpty {
                    for root in [Self.mount, Self.mount + "/unified"] {
                        note(memory: read(root + folder + "/memory.max"))
                        note(quota: read(root + folder + "/cpu.max"))
                    }
                }
                if controllers.contains("memory") {
                    note(memory: read(Self.mount + "/memory" + folder + "/memory.limit_in_bytes"))
                }
                if controllers.contains("cpu") {
                    let path = Self.mount + "/\(controllers.joined(separator: ","))" + folder
                    if let quota = read(path + "/cpu.cfs_quota_us"), let period = read(path + "/cpu.cfs_period_us") {
                        note(quota: quota + " " + period)
                    }
                }
            }
        }
    }

    /// A path and those above it, up to the root as "".
    private static func folders(of path: Substring) -> [String] {
        var names = path.split(separator: "/")
        var folders: [String] = []
        while !names.isEmpty {
            folders.append("/" + names.joined(separator: "/"))
            names.removeLast()
        }
        return folders + [""]
    }

    /// A number; anything else, such as `max`, is no limit.
    private mutating func note(memory text: String?) {
        let number = text?.split(whereSeparator: \.isWhitespace).first
        guard let limit = number.flatMap({ Int($0) }), limit > 0 else { return }
        memoryLimit = min(memoryLimit ?? .max, limit)
    }

    /// Quota and period in microseconds; a quota of `max` or under zero is none.
    private mutating func note(quota text: String?) {
        let numbers = (text ?? "").split(whereSeparator: \.isWhitespace).map { Double($0) }
        guard numbers.count == 2, let quota = numbers[0], let period = numbers[1], quota > 0, period > 0 else { return }
        processorQuota = min(processorQuota ?? .infinity, quota / period)
    }
}
