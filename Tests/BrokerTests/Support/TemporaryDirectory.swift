import Glibc

/// A directory that is deleted with the value that names it.
final class TemporaryDirectory: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/holdfast-broker-XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil, "no temporary directory")
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { removeTree(path) }
}

/// The names in a directory, sorted.
func names(in path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
            name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
}

func removeTree(_ path: String) {
    for name in names(in: path) { removeTree(path + "/" + name) }
    if unlink(path) != 0 { rmdir(path) }
}

func contents(of path: String) -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var status = stat()
    fstat(descriptor, &status)
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    let count = read(descriptor, &bytes, bytes.count)
    return Array(bytes.prefix(max(0, count)))
}

func write(_ bytes: [UInt8], to path: String) {
    let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o644)
    precondition(descriptor >= 0, "cannot write \(path)")
    defer { close(descriptor) }
    precondition(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
}

/// Copies a directory as it is at this moment: what the end of a process would leave.
func copyTree(_ source: String, to target: String) {
    mkdir(target, 0o755)
    for name in names(in: source) {
        let from = source + "/" + name
        var status = stat()
        stat(from, &status)
        if status.st_mode & S_IFMT == S_IFDIR {
            copyTree(from, to: target + "/" + name)
        } else {
            write(contents(of: from), to: target + "/" + name)
        }
    }
}
