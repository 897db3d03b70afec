import CLinux
import Glibc

/// Directories and whole files.
enum FileSystem {
    /// Makes a directory and those above it; one that exists is fine.
    static func createDirectories(_ path: String) throws(StorageError) {
        if unsafe mkdir(path, 0o755) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex
        else { throw StorageError("mkdir", path) }
        try createDirectories(String(path[..<slash]))
        guard unsafe mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw StorageError("mkdir", path)
        }
    }

    /// The names in a directory, without `.` and `..`; none where it does not exist.
    static func list(_ path: String) throws(StorageError) -> [String] {
        guard let directory = unsafe opendir(path) else {
            if errno == ENOENT { return [] }
            throw StorageError("opendir", path)
        }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Deletes a file; one that is not there is fine.
    static func remove(_ path: String) throws(StorageError) {
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw StorageError("unlink", path)
        }
    }

    /// Deletes a directory and the files in it.
    static func removeDirectory(_ path: String) throws(StorageError) {
        for name in try list(path) { try remove(path + "/" + name) }
        guard unsafe rmdir(path) == 0 || errno == ENOENT else { throw StorageError("rmdir", path) }
    }

    /// Waits until the names in a directory are on the device; blocks.
    static func syncDirectory(_ path: String) throws(StorageError) {
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StorageError("open", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw StorageError("fsync", path) }
    }

    /// The bytes of a file; `nil` where there is none.
    static func read(_ path: String) throws(StorageError) -> [UInt8]? {
        guard exists(path) else { return nil }
        let file = try DiskFile(path: path)
        let size = try file.size()
        let block = ByteBlock(capacity: size)
        let count = try file.read(into: block, 0..<size, at: 0)
        return block.array(0..<count)
    }

    /// Replaces a file so that the end of the process leaves the old bytes or the new ones.
    ///
    /// - Parameter isSynced: whether to wait for the device, so that the same holds for a power
    ///   failure; without it, that may leave a damaged file.
    static func replace(
        _ path: String, with bytes: [UInt8], isSynced: Bool = true
    ) throws(StorageError) {
        let temporary = path + ".tmp"
        let file = try DiskFile(path: temporary, create: true)
        try file.truncate(to: 0)
        try file.write(bytes, at: 0)
        if isSynced { try file.sync() }
        guard unsafe rename(temporary, path) == 0 else { throw StorageError("rename", temporary) }
    }

    /// Lets the process open as many files as the system allows it.
    static func raiseOpenFilesLimit() {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
        else { return }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
