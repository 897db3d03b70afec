import PostgresShim
import RestGateway

/// A table that can be loaded, and how.
protocol LoadedTable: Sendable {
    /// What a header row says of the rows that follow.
    associatedtype Header: Sendable
    /// One valid row.
    associatedtype Row

    /// Opens the transaction and makes the table `staging`, which has `line` and `product_code`.
    static var staging: [PostgresStatement] { get }
    /// Keeps other writers out, as far as the merge needs that.
    static var lock: PostgresStatement { get }

    /// Reads the header row of CSV, or says what is wrong with it.
    static func header(_ fields: [ArraySlice<UInt8>]) -> LoaderParsed<Header>
    /// Reads a row of CSV, or says what is wrong with it.
    static func row(_ fields: [ArraySlice<UInt8>], _ header: Header) -> LoaderParsed<Row>
    /// Reads a JSON object, or says what is wrong with it.
    static func row(json: [UInt8]) -> LoaderParsed<Row>
    /// Adds a row of `staging`.
    static func append(_ row: Row, line: Int, to output: inout LoaderOutput)

    /// Brings what is staged into the table; only rows that differ are touched.
    static func merge(
        on connection: PostgresConnection, rowCount: Int
    ) async throws(PostgresError) -> LoadReport
}

/// A value, or why there is none.
enum LoaderParsed<Value> {
    case value(Value)
    case fault(String)
}

/// Loads products' stocks into the inventory.
typealias InventoryLoader = TableLoader<InventoryTable>
