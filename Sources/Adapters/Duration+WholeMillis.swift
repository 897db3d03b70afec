extension Duration {
    /// Whole milliseconds, as the database's statements take them.
    var wholeMillis: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
