import Messages

/// What is there to be sold.
enum StockOperations {
    static let showStock = OperationDescription(
        id: "showStock", group: "Stock", summary: "Tells what the inventory has of a product",
        parameters: [.init(.path, .required("productCode", .component(.productCode)))],
        answers: [.init(200, "What is there, held, and left.", [.json(.stock)])],
        problems: [.unknownProduct, .inventoryUnavailable])

    static let loadInventory = OperationDescription(
        id: "loadInventory", group: "Administration", summary: "Loads an inventory",
        details: """
            Brings the schema up to date and writes the rows, all in one transaction. Malformed rows \
            refuse the load; rows below what is held are left out and reported. A body may be longer \
            than elsewhere (`SEED_BODY_MAX`).
            """,
        bodies: [
            .init(
                "text/csv",
                .string().described("With the columns product_code, name and quantity."),
                example: "product_code,name,quantity\nHRD001,Cordless drill,40\n"),
            .init("application/json", .array(of: .component(.productRow))),
            .init("application/x-ndjson", .string().described("One row per line.")),
        ],
        answers: [.init(200, "What has changed.", [.json(.loadReport)])],
        problems: [.invalidInventory, .inventoryUnavailable], isForAdmins: true)
}
