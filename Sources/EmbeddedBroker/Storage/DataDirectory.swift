import Glibc
import Telemetry

/// The directory that one broker keeps everything in.
///
///     format-version     what wrote the directory
///     lock               held by the process that runs
///     clean-stop         there if the last process stopped in order
///     metadata.journal   topics, producer IDs, the cluster's ID
///     offsets.journal    committed offsets, members of groups
///     topics/NAME-PARTITION/OFFSET.log, .index
struct DataDirectory {
    private static let formatVersion = "holdfast-broker 1\n"

    let path: String
    /// Whether the last process stopped in order.
    let wasStoppedCleanly: Bool
    private let lock: DiskFile

    var metadataPath: String { path + "/metadata.journal" }
    var offsetsPath: String { path + "/offsets.journal" }
    var topicsPath: String { path + "/topics" }
    private var markerPath: String { path + "/clean-stop" }

    /// Makes the directory if need be, and locks it.
    ///
    /// - Throws: where another process has the lock, or another version wrote the directory.
    init(path: String) throws(StorageError) {
        self.path = path
        try FileSystem.createDirectories(path + "/topics")
        lock = try DiskFile(path: path + "/lock", create: true)
        guard lock.tryLock() else {
            throw StorageError("another process uses the data directory", path, code: 0)
        }
        let versionPath = path + "/format-version"
        if let found = try FileSystem.read(versionPath) {
            guard found == Array(Self.formatVersion.utf8) else {
                throw StorageError("written by another version of the broker", path, code: 0)
            }
        } else {
            guard !FileSystem.exists(path + "/metadata.journal") else {
                throw StorageError("the format version is missing", versionPath, code: 0)
            }
            try FileSystem.replace(versionPath, with: Array(Self.formatVersion.utf8))
            try FileSystem.syncDirectory(path)
        }
        wasStoppedCleanly = FileSystem.exists(path + "/clean-stop")
        try FileSystem.remove(path + "/clean-stop")
    }

    /// Lets another process, or another broker of this one, use the directory.
    func release() { lock.unlock() }

    /// Leaves the marker of an orderly stop.
    func markCleanStop() throws(StorageError) {
        try FileSystem.replace(markerPath, with: Array("\(wallClockMillis())\n".utf8))
        try FileSystem.syncDirectory(path)
    }
}
