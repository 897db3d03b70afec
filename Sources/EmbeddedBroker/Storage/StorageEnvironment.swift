import CLinux
import Glibc
import Telemetry

/// What all logs of one broker share; loop thread only.
final class StorageEnvironment {
    let configuration: BrokerConfiguration
    let logger: Logger
    /// For reading headers: what one call reads, the next may overwrite.
    let scratch = ByteBlock(capacity: 64 * 1_024)
    /// Emptied buffers for batches that wait to be written.
    private var spareBuffers: [[UInt8]] = []
    /// Bytes of all logs.
    private(set) var logBytes = 0
    private let logBytesGauge: Gauge

    init(configuration: BrokerConfiguration, logger: Logger, logBytes: Gauge) {
        self.configuration = configuration
        self.logger = logger
        logBytesGauge = logBytes
    }

    /// Takes note that the logs grew by so many bytes, or shrank.
    func countLogBytes(_ change: Int) {
        logBytes += change
        logBytesGauge.add(change)
    }

    /// An empty buffer, if possible one that has memory already.
    func takeBuffer() -> [UInt8] { spareBuffers.popLast() ?? [] }

    /// Keeps the memory of a buffer for the next one who needs it.
    func giveBack(_ buffer: consuming [UInt8]) {
        guard spareBuffers.count < 8, buffer.capacity <= 4 * 1_024 * 1_024 else { return }
        buffer.removeAll(keepingCapacity: true)
        spareBuffers.append(buffer)
    }
}

/// The wall clock in Unix milliseconds.
func wallClockMillis() -> Int64 {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
}

/// The monotonic clock in milliseconds.
func monotonicMillis() -> Int64 {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
}
