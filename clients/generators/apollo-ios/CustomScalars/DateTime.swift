import ApolloAPI

extension DocentAPI {
  /// RFC 3339, as ISO8601DateFormatter reads it with fractional seconds.
  typealias DateTime = String
}
