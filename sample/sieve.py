"""Prime numbers, found as Eratosthenes of Cyrene did in the third century BC."""

import sys


def primes_below(limit: int) -> list[int]:
    """The prime numbers below a limit: what is left when the multiples of each are crossed out."""
    is_prime = bytearray([1]) * max(limit, 2)
    is_prime[0] = is_prime[1] = 0
    for number in range(2, int(limit**0.5) + 1):
        if is_prime[number]:
            # Smaller multiples have a smaller factor, and are crossed out already.
            for multiple in range(number * number, limit, number):
                is_prime[multiple] = 0
    return [number for number in range(limit) if is_prime[number]]


def factors(number: int) -> list[int]:
    """The prime factors of a number, from the smallest."""
    found = []
    for prime in primes_below(int(number**0.5) + 1):
        while number % prime == 0:
            found.append(prime)
            number //= prime
    return found + [number] if number > 1 else found


if __name__ == "__main__":
    print(*primes_below(int(sys.argv[1])), sep="\n")
