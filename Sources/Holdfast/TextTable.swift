/// Rows of texts, in columns as wide as they need to be; numbers stand to the right.
struct TextTable {
    private var rows: [[String]]

    init(_ titles: [String]) { rows = [titles] }

    /// - Parameter row: as many texts as there are titles.
    mutating func add(_ row: [String]) { rows.append(row) }

    /// The lines, without a line break at the end.
    var text: String {
        let columns = rows[0].indices
        let widths = columns.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let numeric = columns.map { column in
            rows.count > 1
                && rows.dropFirst().allSatisfy { row in
                    row[column].allSatisfy { $0.isNumber || ".,-".contains($0) }
                }
        }
        return rows.map { row in
            let cells = columns.map { column in
                let padding = String(repeating: " ", count: widths[column] - row[column].count)
                return numeric[column] ? padding + row[column] : row[column] + padding
            }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }
}
