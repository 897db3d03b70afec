/// The known name that somebody most likely meant, or `nil` if none is close.
///
/// Close means that at most a third of the longer name was mistyped, or that one name begins with
/// the other.
package func nearest(to name: String, among known: [String]) -> String? {
    let ranked = known.map { (name: $0, distance: editDistance(name, $0)) }
        .min { $0.distance < $1.distance }
    if let ranked, ranked.distance * 3 <= max(name.count, ranked.name.count) { return ranked.name }
    guard name.count >= 3 else { return nil }
    return known.first { $0.hasPrefix(name) || name.hasPrefix($0) }
}

/// How many characters to insert, delete or replace to make one text the other (Levenshtein).
private func editDistance(_ left: String, _ right: String) -> Int {
    let right = Array(right)
    var row = Array(0...right.count)
    for (i, character) in left.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for j in right.indices {
            let replaced = diagonal + (character == right[j] ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
        }
    }
    return row[right.count]
}
