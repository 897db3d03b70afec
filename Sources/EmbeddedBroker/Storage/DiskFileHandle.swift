import CLinux
import Glibc

/// An open file; closed when nobody refers to it any more.
///
/// Reads and writes name their position, so the loop's thread and the sync thread may share one.
final class DiskFile: Sendable {
    let path: String
    let descriptor: CInt

    /// Opens a file for reading and writing.
    init(path: String, create: Bool = false) throws(StorageError) {
        let flags = O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0)
        let descriptor = unsafe open(path, flags, 0o644)
        guard descriptor >= 0 else { throw StorageError("open", path) }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// How many bytes the file has.
    func size() throws(StorageError) -> Int {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw StorageError("fstat", path) }
        return Int(status.st_size)
    }

    /// Reads into a range of `block`; returns how many bytes there were, fewer only at the end.
    func read(into block: ByteBlock, _ range: Range<Int>, at position: Int) throws(StorageError)
        -> Int
    {
        let done = unsafe block.withMutableBytes(range) { room -> Int in
            var done = 0
            while done < room.count {
                let count = unsafe pread(
                    descriptor, room.baseAddress.map { unsafe $0 + done }, room.count - done,
                    position + done)
                if count < 0 && errno == EINTR { continue }
                if count < 0 { return -1 }
                if count == 0 { break }
                done += count
            }
            return done
        }
        guard done >= 0 else { throw StorageError("pread", path) }
        return done
    }

    /// Writes all bytes at `position`; on an error some of them may have been written.
    func write(_ bytes: [UInt8], at position: Int) throws(StorageError) {
        let failure = unsafe bytes.withUnsafeBytes { bytes -> CInt in
            var done = 0
            while done < bytes.count {
                let count = unsafe pwrite(
                    descriptor, bytes.baseAddress.map { unsafe $0 + done }, bytes.count - done,
                    position + done)
                if count < 0 && errno == EINTR { continue }
                if count < 0 { return errno }
                if count == 0 { return EIO }
                done += count
            }
            return 0
        }
        guard failure == 0 else { throw StorageError("pwrite", path, code: failure) }
    }

    /// Cuts the file.
    func truncate(to size: Int) throws(StorageError) {
        guard ftruncate(descriptor, size) == 0 else { throw StorageError("ftruncate", path) }
    }

    /// Waits until the file's bytes and size are on the device; blocks.
    func sync() throws(StorageError) {
        guard fdatasync(descriptor) == 0 else { throw StorageError("fdatasync", path) }
    }

    /// Takes the lock of the file for this process, if nobody else has it.
    func tryLock() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

    /// Gives the lock back.
    func unlock() { flock(descriptor, LOCK_UN) }
}
