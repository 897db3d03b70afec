import CLinux
import Glibc
import Telemetry

/// What all logs of one broker share; loop thread only.
final class StorageEnvironment {
    let configuration: BrokerConfiguration
    let logger: Logger
    /// For reading headers: what one call reads, the next may overwrite.
    let scratch = ByteBlock(capacity: 64 * 1_024)
    /// Bytes of all logs.
    let logBytes: Gauge

    init(configuration: BrokerConfiguration, logger: Logger, logBytes: Gauge) {
        self.configuration = configuration
        self.logger = logger
        self.logBytes = logBytes
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
