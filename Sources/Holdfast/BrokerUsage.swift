import Glibc

/// What a process on this machine has used, read from `/proc` (proc(5)).
struct BrokerUsage {
    /// User and system time, to a hundredth of a second.
    let cpuMicros: Int
    /// Resident memory now.
    let residentBytes: Int

    /// - Returns: `nil` where there is no such process.
    init?(pid: Int) {
        guard pid > 0, let stat = firstLine(of: "/proc/\(pid)/stat"),
            let statm = firstLine(of: "/proc/\(pid)/statm"),
            let name = stat.lastIndex(of: ")")
        else { return nil }
        // Behind the name, which may hold spaces, the third field is first.
        let fields = stat[name...].split(separator: " ").dropFirst().map(String.init)
        let pages = statm.split(separator: " ").map(String.init)
        guard fields.count > 12, pages.count > 1, let user = Int(fields[11]),
            let system = Int(fields[12]), let resident = Int(pages[1])
        else { return nil }
        cpuMicros = (user + system) * 1_000_000 / sysconf(Int32(_SC_CLK_TCK))
        residentBytes = resident * sysconf(Int32(_SC_PAGESIZE))
    }
}

private func firstLine(of path: String) -> String? {
    guard let file = unsafe fopen(path, "r") else { return nil }
    defer { unsafe fclose(file) }
    var line = [CChar](repeating: 0, count: 4_096)
    guard unsafe fgets(&line, Int32(line.count), file) != nil else { return nil }
    return String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
