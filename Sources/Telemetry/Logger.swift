import Glibc
import Synchronization

/// Writes structured log lines, one JSON object a line, to a file descriptor.
///
/// A line looks like
/// `{"time":"2026-01-02T03:04:05.678Z","level":"info","component":"gateway","message":"...","port":"8080"}`.
/// A line is written with one `write(2)`, so that lines of threads and processes do not mix.
package struct Logger: Sendable {
    /// How urgent a line is.
    package enum Level: String, CaseIterable, Comparable, Sendable {
        case debug, info, warning, error

        package static func < (left: Level, right: Level) -> Bool { left.rank < right.rank }

        private var rank: Int {
            switch self {
            case .debug: 0
            case .info: 1
            case .warning: 2
            case .error: 3
            }
        }
    }

    private let component: String
    private let level: Level
    private let descriptor: CInt

    /// A logger for one component.
    ///
    /// - Parameters:
    ///   - component: who speaks: `gateway`, `cart`, `kafka`.
    ///   - level: lines below this level are dropped, their message never built.
    ///   - descriptor: where lines go; standard error unless told.
    package init(component: String, level: Level = .info, descriptor: CInt = STDERR_FILENO) {
        self.component = component
        self.level = level
        self.descriptor = descriptor
    }

    /// The same logger under another component's name.
    package func named(_ component: String) -> Logger {
        Logger(component: component, level: level, descriptor: descriptor)
    }

    /// For those who look for a fault in the code.
    package func debug(
        _ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, String> = [:]
    ) {
        log(.debug, message, fields)
    }

    /// What happened in the normal course of things.
    package func info(
        _ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, String> = [:]
    ) {
        log(.info, message, fields)
    }

    /// What an operator should know, though the process copes.
    package func warning(
        _ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, String> = [:]
    ) {
        log(.warning, message, fields)
    }

    /// What an operator has to act on; the message says how.
    package func error(
        _ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, String> = [:]
    ) {
        log(.error, message, fields)
    }

    private func log(
        _ level: Level, _ message: () -> String, _ fields: KeyValuePairs<String, String>
    ) {
        guard level >= self.level else { return }
        var line = "{\"time\":\""
        line += wallClockText()
        line += "\",\"level\":\"\(level.rawValue)\",\"component\":"
        appendJSONString(component, to: &line)
        line += ",\"message\":"
        appendJSONString(message(), to: &line)
        for (name, value) in fields {
            line += ","
            appendJSONString(name, to: &line)
            line += ":"
            appendJSONString(value, to: &line)
        }
        line += "}\n"
        line.withUTF8 { bytes in
            // A full pipe or a closed terminal must not stop the service: the line is lost.
            _ = unsafe write(descriptor, bytes.baseAddress, bytes.count)
        }
    }
}

/// The wall clock as RFC 3339 text in UTC with milliseconds.
private func wallClockText() -> String {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    var parts = unsafe tm()
    _ = unsafe gmtime_r(&now.tv_sec, &parts)
    func padded(_ value: some BinaryInteger, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return padded(Int(unsafe parts.tm_year) + 1900, 4) + "-" + padded(unsafe parts.tm_mon + 1, 2)
        + "-" + padded(unsafe parts.tm_mday, 2) + "T" + padded(unsafe parts.tm_hour, 2) + ":"
        + padded(unsafe parts.tm_min, 2) + ":" + padded(unsafe parts.tm_sec, 2) + "."
        + padded(now.tv_nsec / 1_000_000, 3) + "Z"
}

private func appendJSONString(_ text: String, to line: inout String) {
    line += "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": line += "\\\""
        case "\\": line += "\\\\"
        case "\n": line += "\\n"
        case "\r": line += "\\r"
        case "\t": line += "\\t"
        case _ where scalar.value < 0x20:
            let digits = String(scalar.value, radix: 16)
            line += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: line.unicodeScalars.append(scalar)
        }
    }
    line += "\""
}
