extension Duration {
    /// The whole milliseconds, rounded up, as librdkafka's calls take them.
    var milliseconds: CInt {
        let parts = components
        let fraction = (parts.attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        let (whole, overflow) = parts.seconds.multipliedReportingOverflow(by: 1_000)
        if overflow || whole > Int64(CInt.max) - 1_000 { return CInt.max }
        return CInt(max(0, whole + fraction))
    }
}
