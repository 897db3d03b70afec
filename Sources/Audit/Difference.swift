package import Messages

/// Something that holds, stock and carts do not agree about.
package enum Difference: Hashable, Sendable {
    /// A cart's line and its hold.
    case line(LineDifference)
    /// A product's row and its holds.
    case stock(StockDifference)
    /// A cart whose history cannot be followed, and why.
    case history(CartID, String)

    /// What two looks have to agree about for a difference to be more than a change under way.
    package enum Subject: Hashable, Sendable {
        case line(CartID, RequestID)
        case stock(ProductCode)
        case history(CartID)
    }

    package var subject: Subject {
        switch self {
        case .line(let line): .line(line.cartID, line.requestID)
        case .stock(let stock): .stock(stock.productCode)
        case .history(let cartID, _): .history(cartID)
        }
    }

    /// What is wrong, in words that scripts can rely on.
    package var fault: String {
        switch self {
        case .line(let line): line.fault.rawValue
        case .stock(let stock): stock.isOversold ? "oversold" : "held-differs"
        case .history: "broken-history"
        }
    }
}

/// A line of a cart and the hold of the same cart and request, where they differ.
package struct LineDifference: Hashable, Sendable {
    /// How they differ.
    package enum Fault: String, Sendable {
        case lineWithoutHold = "line-without-hold"
        case holdWithoutLine = "hold-without-line"
        case holdTooSmall = "hold-too-small"
        case holdTooLarge = "hold-too-large"
        case otherProduct = "other-product"
        /// The request is pending, but nothing is owed for it: nobody will ask again.
        case forgottenRequest = "forgotten-request"
    }

    /// Pieces of a product, in a line or in a hold.
    package struct Pieces: Hashable, Sendable {
        package let productCode: ProductCode
        package let quantity: Int
        package let userID: UserID
        /// How many were asked for, as far as that is known.
        package let askQuantity: Int

        package init(
            productCode: ProductCode, quantity: Int, userID: UserID, askQuantity: Int
        ) {
            self.productCode = productCode
            self.quantity = quantity
            self.userID = userID
            self.askQuantity = askQuantity
        }
    }

    package let cartID: CartID
    package let requestID: RequestID
    package let fault: Fault
    /// What the cart has.
    package let line: Pieces?
    /// What the ledger has.
    package let hold: Pieces?

    /// What mends it: the cart is told what the ledger has, and decides.
    ///
    /// Told late it does no harm: a hold never grows, so that what the ledger has by then is no more.
    package var remedy: [InventoryResponse] {
        if fault == .forgottenRequest { return [] }
        var told = [hold].compactMap { $0 }
        if let line, line.productCode != hold?.productCode {
            let nothing = Pieces(
                productCode: line.productCode, quantity: 0, userID: line.userID,
                askQuantity: line.askQuantity)
            told.insert(nothing, at: 0)
        }
        return told.map { pieces in
            InventoryResponse(
                cartID: cartID, requestID: requestID, productCode: pieces.productCode,
                answer: .holdDue(
                    InventoryResponse.HeldPieces(
                        userID: pieces.userID, askQuantity: pieces.askQuantity,
                        quantity: pieces.quantity)))
        }
    }
}

/// A product's row and the sum of its holds, where they differ.
package struct StockDifference: Hashable, Sendable {
    package let productCode: ProductCode
    /// The row's numbers; `nil` where there are holds and no row.
    package let row: Row?
    /// The sum of the product's holds.
    package let holds: Int

    /// What the product's row says.
    package struct Row: Hashable, Sendable {
        package let quantity: Int
        package let held: Int

        package init(quantity: Int, held: Int) {
            self.quantity = quantity
            self.held = held
        }
    }

    package init(productCode: ProductCode, row: Row?, holds: Int) {
        self.productCode = productCode
        self.row = row
        self.holds = holds
    }

    /// Whether more pieces are promised than there are.
    package var isOversold: Bool { holds > row?.quantity ?? 0 }

    /// What mends it, so far as counting anew does.
    package var remedy: [InventoryRequest] {
        guard let row, row.held != min(holds, row.quantity),
            let nobody = UserID("holdfast-audit"), let requestID = RequestID("holdfast-audit")
        else { return [] }
        return [
            InventoryRequest(
                cartID: CartID(of: nobody), requestID: requestID, userID: nobody,
                productCode: productCode, action: .recount)
        ]
    }
}
