import Messages

/// The body of `POST /cart/items`.
struct ItemBody: Equatable {
    var userID: UserID
    var productCode: ProductCode
    var quantity: Int

    init(_ bytes: [UInt8]) throws(Problem) {
        let fields = JSONFields(bytes, allowing: [.userID, .productCode, .quantity])
        if let problem = fields.problem { throw problem }
        userID = try InputRules.userID(try fields.required(.userID), at: .field("userID"))
        productCode = try InputRules.productCode(
            try fields.required(.productCode), at: .field("productCode"))
        quantity = try fields.requiredQuantity()
    }
}
