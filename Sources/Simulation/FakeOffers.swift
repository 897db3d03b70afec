import CartDomain
import Messages

/// The catalogue of a life: products in two currencies, and a delivery.
struct FakeOffers: OfferBook {
    static let delivery = product("D0")

    func offer(of productCode: ProductCode) -> Offer? {
        guard let number = Int(productCode.text.dropFirst()), let krona = Currency("SEK"),
            let euro = Currency("EUR")
        else { return nil }
        let price = Price(
            minorUnits: 990 + 100 * number, currency: number == 2 ? euro : krona, vatRate: 2_500)
        switch productCode.text.first {
        case "P":
            return Offer(
                name: "product \(number)", price: price, isActive: true, isDelivery: false)
        case "D":
            return Offer(name: "delivery", price: price, isActive: true, isDelivery: true)
        default: return nil
        }
    }
}
