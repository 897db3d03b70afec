import FoundationEssentials
import Glibc

/// Reads the files that children write.
enum TextFile {
    /// The file's bytes from `offset` on as text; empty if it cannot be read.
    static func read(_ path: String, from offset: Int = 0) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var position = offset
        while true {
            let count = pread(descriptor, &buffer, buffer.count, position)
            guard count > 0 else { break }
            bytes += buffer[..<count]
            position += count
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The last lines of a file, long ones cut.
    static func tail(_ path: String, lines: Int) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { return "" }
        return read(path, from: max(0, Int(status.st_size) - 32_768))
            .split(separator: "\n").suffix(lines)
            .map { line in line.count > 500 ? line.prefix(500) + " ..." : line }
            .joined(separator: "\n")
    }

    /// Writes a file anew.
    static func write(_ text: String, to path: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return }
        var text = text
        text.withUTF8 { bytes in _ = Glibc.write(descriptor, bytes.baseAddress, bytes.count) }
        close(descriptor)
    }

    /// Removes a directory with everything in it.
    static func removeDirectory(_ path: String) {
        try? FileManager.default.removeItem(atPath: path)
    }
}
