	.text
_ZN4some5space7f16_fmaEPKtPKvm:
	cmp	x2, 15
	bls	.L4
	movi	v5.4s, 0
	sub	x3, x2, #16
	add	x5, x0, 16
	lsr	x3, x3, 4
	mov	x2, 0
	add	x3, x3, 1
	add	x4, x1, 16
	lsl	x3, x3, 5
	mov	v6.16b, v5.16b
	mov	v7.16b, v5.16b
	mov	v4.16b, v5.16b
.L3:
	ldr	q3, [x0, x2]
	ldr	q2, [x1, x2]
	ldr	q1, [x5, x2]
	ldr	q0, [x4, x2]
	fcvtl	v19.4s, v3.4h
	fcvtl2	v3.4s, v3.8h
	add	x2, x2, 32
	fcvtl	v18.4s, v2.4h
	fcvtl2	v2.4s, v2.8h
	cmp	x3, x2
	fcvtl	v17.4s, v1.4h
	fcvtl2	v1.4s, v1.8h
	fcvtl	v16.4s, v0.4h
	fcvtl2	v0.4s, v0.8h
	fmla	v4.4s, v19.4s, v18.4s
	fmla	v7.4s, v3.4s, v2.4s
	fmla	v6.4s, v17.4s, v16.4s
	fmla	v5.4s, v1.4s, v0.4s
	bne	.L3
	fadd	v0.4s, v4.4s, v7.4s
	fadd	v6.4s, v6.4s, v5.4s
	fadd	v0.4s, v0.4s, v6.4s
	faddp	v0.4s, v0.4s, v0.4s
	faddp	v0.4s, v0.4s, v0.4s
	ret
.L4:
	movi	v0.2s, #0
	ret
	.size	_ZN4some5space7f16_fmaEPKtPKvm, .-_ZN4some5space7f16_fmaEPKtPKvm
_ZN4some5space8f16_add8EPKtPKvm:
	cmp	x2, 7
	bls	.L12
	movi	v1.4s, 0
	sub	x7, x2, #8
	mov	x3, 0
	and	x7, x7, -8
	add	x4, x7, 8
	mov	v3.16b, v1.16b
.L9:
	ldr	d2, [x1, x3]
	lsl	x5, x3, 1
	cmp	x3, x7
	add	x3, x3, 8
	ldr	q0, [x0, x5]
	shll	v2.8h, v2.8b, 8
	add	v0.8h, v0.8h, v2.8h
	fcvtl	v2.4s, v0.4h
	fcvtl2	v0.4s, v0.8h
	fadd	v3.4s, v3.4s, v2.4s
	fadd	v1.4s, v1.4s, v0.4s
	bne	.L9
	fadd	v0.4s, v1.4s, v3.4s
	faddp	v0.4s, v0.4s, v0.4s
	faddp	v0.4s, v0.4s, v0.4s
.L8:
	cmp	x2, x4
	bls	.L7
.L11:
	ldrb	w3, [x1, x4]
	ldrh	w5, [x0, x4, lsl 1]
	add	x4, x4, 1
	cmp	x2, x4
	ubfiz	w3, w3, 8, 8
	add	w3, w3, w5
	dup	v1.4h, w3
	fcvt	s1, h1
	fadd	s0, s0, s1
	bne	.L11
.L7:
	ret
.L12:
	movi	v0.2s, #0
	mov	x4, 0
	b	.L8
	.size	_ZN4some5space8f16_add8EPKtPKvm, .-_ZN4some5space8f16_add8EPKtPKvm
_ZN4some5space10i8_packed2EPKaPKvm:
	cmp	x2, 63
	bls	.L18
	adrp	x3, .LC0
	movi	v19.4s, 0
	movi	v6.16b, 0x3
	mov	x4, 64
	ldr	q5, [x3, #:lo12:.LC0]
	sub	x4, x4, x0
.L17:
	ldr	q0, [x1], 16
	ldp	q18, q17, [x0]
	ldp	q16, q7, [x0, 32]
	add	x0, x0, 64
	add	x3, x0, x4
	and	v4.16b, v0.16b, v6.16b
	ushr	v3.16b, v0.16b, 2
	cmp	x2, x3
	ushr	v2.16b, v0.16b, 4
	ushr	v0.16b, v0.16b, 6
	tbl	v4.16b, {v5.16b}, v4.16b
	and	v3.16b, v3.16b, v6.16b
	and	v2.16b, v2.16b, v6.16b
	tbl	v1.16b, {v5.16b}, v0.16b
	smull	v0.8h, v18.8b, v4.8b
	tbl	v3.16b, {v5.16b}, v3.16b
	tbl	v2.16b, {v5.16b}, v2.16b
	smlal2	v0.8h, v18.16b, v4.16b
	smlal	v0.8h, v17.8b, v3.8b
	smlal2	v0.8h, v17.16b, v3.16b
	smlal	v0.8h, v16.8b, v2.8b
	smlal2	v0.8h, v16.16b, v2.16b
	smlal	v0.8h, v7.8b, v1.8b
	smlal2	v0.8h, v7.16b, v1.16b
	sadalp	v19.4s, v0.8h
	bcs	.L17
	addv	s19, v19.4s
	fmov	w0, s19
	ret
.L18:
	fmov	s19, wzr
	fmov	w0, s19
	ret
	.size	_ZN4some5space10i8_packed2EPKaPKvm, .-_ZN4some5space10i8_packed2EPKaPKvm
.LC0:
	.byte	-2
	.byte	-1
	.byte	1
	.byte	2
	.byte	0
	.byte	0
	.byte	0
	.byte	0
	.byte	0
	.byte	0
	.byte	0
	.byte	0
	.byte	0
	.byte	0
	.byte	0
	.byte	0
