import Glibc

/// The wall clock in the form of RFC 9110 section 5.6.7, worked out once a second.
struct HTTPDateCache {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private var second = time_t.min
    private var text: [UInt8] = []

    /// For example `Sun, 06 Nov 1994 08:49:37 GMT`.
    mutating func now() -> [UInt8] {
        let now = time(nil)
        if now != second {
            second = now
            text = Array(Self.text(of: now).utf8)
        }
        return text
    }

    static func text(of second: time_t) -> String {
        var second = second
        var parts = unsafe tm()
        _ = unsafe gmtime_r(&second, &parts)
        func twoDigits(_ value: CInt) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let day = unsafe days[Int(parts.tm_wday)]
        let month = unsafe months[Int(parts.tm_mon)]
        let date = unsafe "\(twoDigits(parts.tm_mday)) \(month) \(Int(parts.tm_year) + 1900)"
        let time = unsafe [parts.tm_hour, parts.tm_min, parts.tm_sec].map(twoDigits)
        return "\(day), \(date) \(time.joined(separator: ":")) GMT"
    }
}
