import Glibc

/// A process whose use of the machine is watched, with the processes that it has started.
package struct WatchedProcess: Sendable, Equatable {
    package let name: String
    package let pid: Int

    package init(name: String, pid: Int) {
        self.name = name
        self.pid = pid
    }

    /// Reads a text such as `gateway=4711`; `nil` if it is none.
    package init?(_ text: String) {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let pid = Int(parts[1]), pid > 0 else {
            return nil
        }
        self.init(name: String(parts[0]), pid: pid)
    }
}

/// What processes have used up to one moment, as `/proc` tells it.
struct UsageSample: Sendable {
    /// CPU seconds and memory of each watched process and its children, in their order.
    ///
    /// Memory is what is in RAM and belongs to one process alone: Postgres' shared buffers do not count.
    var processes: [(cpuSeconds: Double, memoryBytes: Int)]
    /// CPU seconds of this very process, to the microsecond.
    var own: Double
    var ownMemoryBytes: Int
    /// CPU seconds that all processors were busy.
    var machine: Double

    /// Reads it; some milliseconds of blocking reads, so not on an event loop.
    static func take(of watched: [WatchedProcess]) -> UsageSample {
        let pids = Set(watched.map(\.pid))
        var sums: [Int: (Double, Int)] = [:]
        for directory in ProcFile.numericDirectories() {
            guard let stat = ProcessStat(ProcFile.read("/proc/\(directory)/stat")) else { continue }
            let owner = pids.contains(directory) ? directory : stat.parent
            guard pids.contains(owner) else { continue }
            // Children that have ended count with their parent alone.
            let ticks = stat.ticks + (owner == directory ? stat.ticksOfEndedChildren : 0)
            let sum = sums[owner, default: (0, 0)]
            sums[owner] = (
                sum.0 + Double(ticks) / Self.ticksPerSecond,
                sum.1 + memoryBytes(ProcFile.read("/proc/\(directory)/statm"))
            )
        }
        return UsageSample(
            processes: watched.map { sums[$0.pid] ?? (0, 0) }, own: ownSeconds(),
            ownMemoryBytes: memoryBytes(ProcFile.read("/proc/self/statm")),
            machine: busySeconds(ProcFile.read("/proc/stat")))
    }

    static let ticksPerSecond = Double(max(sysconf(CInt(_SC_CLK_TCK)), 1))

    private static func ownSeconds() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000
    }

    /// Resident less shared pages of `/proc/PID/statm`, in bytes.
    static func memoryBytes(_ text: String) -> Int {
        let fields = text.split(separator: " ").prefix(3).compactMap { Int($0) }
        guard fields.count == 3 else { return 0 }
        return (fields[1] - fields[2]) * max(Int(sysconf(CInt(_SC_PAGESIZE))), 1)
    }

    /// The busy time of the first line of `/proc/stat`: user, nice, system, irq and softirq.
    static func busySeconds(_ text: String) -> Double {
        let fields = text.prefix { $0 != "\n" }.split(separator: " ").dropFirst()
            .compactMap { Int($0) }
        guard fields.count >= 7 else { return 0 }
        return Double(fields[0] + fields[1] + fields[2] + fields[5] + fields[6]) / ticksPerSecond
    }
}

/// The fields of `/proc/PID/stat` that count here (proc(5)).
struct ProcessStat: Equatable {
    let parent: Int
    let ticks: Int
    let ticksOfEndedChildren: Int

    /// - Returns: `nil` for what is not such a line, such as that of a process that has ended.
    init?(_ text: String) {
        // The name stands in parentheses and may hold anything, parentheses too.
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 21 else { return nil }
        // proc(5) counts from 1; the state, field 3, is the first one here.
        func number(_ field: Int) -> Int { Int(fields[field - 3]) ?? 0 }
        parent = number(4)
        ticks = number(14) + number(15)
        ticksOfEndedChildren = number(16) + number(17)
    }
}

/// Small files of the kernel and of scripts.
package enum ProcFile {
    /// The text of a small file; empty if it cannot be read.
    package static func read(_ path: String) -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 8_192)
        let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
    }

    /// The names of a directory's entries; none if it cannot be read.
    package static func names(in path: String) -> [String] {
        guard let directory = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    static func numericDirectories() -> [Int] { names(in: "/proc").compactMap { Int($0) } }
}
