import ApolloAPI

extension DocentAPI {
  /// Any JSON value. The generated `String` can't hold the objects that the server sends.
  struct JSON: CustomScalarType, Hashable {
    let _jsonValue: JSONValue

    init(_jsonValue value: JSONValue) throws {
      _jsonValue = value
    }

    static func == (one: Self, other: Self) -> Bool {
      AnyHashable(one._jsonValue) == AnyHashable(other._jsonValue)
    }

    func hash(into hasher: inout Hasher) {
      _jsonValue.hash(into: &hasher)
    }
  }
}
