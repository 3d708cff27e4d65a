# Prints the polynomial of Log: an interpolation of log2(1+f)/f at Chebyshev nodes, which is nearly the best one, of degree
# 8 for f in [sqrt(1/2)-1, sqrt(2)-1], and the error in float32 of f times its Horner form. Run with python3-numpy.
import numpy as np
from numpy.polynomial import chebyshev, polynomial

low, high, degree = np.sqrt(0.5) - 1, np.sqrt(2) - 1, 8
middle, half = (high + low) / 2, (high - low) / 2
log2 = lambda f: np.log1p(f.astype(np.longdouble)) / np.log(np.longdouble(2))

x = np.cos(np.pi * (np.arange(400) + 0.5) / 400)
f = half * x + middle
poly = np.zeros(1)
for c in chebyshev.cheb2poly(chebyshev.chebfit(x, (log2(f) / f).astype(float), degree))[::-1]:
    poly = polynomial.polyadd(polynomial.polymul(poly, [-middle / half, 1 / half]), [c])
poly = poly[:degree + 1].astype(np.float32)
print([float(c) for c in poly])

f = np.linspace(low, high, 1000001).astype(np.float32)
got = np.full_like(f, poly[-1])
for c in poly[-2::-1]:
    got = got * f + c
print("largest error:", float(np.max(np.abs(got * f - log2(f)))))
