/// A number with so many decimal places.
package func numberText(_ value: Double, places: Int) -> String {
    guard value.isFinite, value.magnitude < 1e15 else { return "-" }
    if value < 0 { return "-" + numberText(-value, places: places) }
    var factor = 1
    for _ in 0..<places { factor *= 10 }
    let scaled = Int((value * Double(factor)).rounded())
    if places == 0 { return "\(scaled)" }
    let fraction = String(scaled % factor)
    return "\(scaled / factor).\(String(repeating: "0", count: places - fraction.count))\(fraction)"
}

/// A whole number with a comma between thousands.
package func groupedText(_ number: Int) -> String {
    var text = ""
    for (index, digit) in String(number.magnitude).reversed().enumerated() {
        if index > 0, index % 3 == 0 { text.append(",") }
        text.append(digit)
    }
    return (number < 0 ? "-" : "") + String(text.reversed())
}

/// Milliseconds with three significant digits or so.
package func millisText(_ millis: Double) -> String {
    numberText(millis, places: millis < 10 ? 2 : millis < 100 ? 1 : 0)
}

/// Bytes in mebibytes; "-" for none.
package func mebibytesText(_ bytes: Int) -> String {
    bytes == 0 ? "-" : numberText(Double(bytes) / 1_048_576, places: 1)
}
