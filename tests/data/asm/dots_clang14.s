	.text
_ZN4some5space7f16_fmaEPKtPKvm:
	cmp	x2, #16
	b.hs	.LBB0_2
	movi	v0.2d, #0000000000000000
	faddp	v0.4s, v0.4s, v0.4s
	faddp	s0, v0.2s
	ret
.LBB0_2:
	movi	v0.2d, #0000000000000000
	add	x8, x0, #16
	add	x9, x1, #16
	mov	w10, #16
	mov	v1.16b, v0.16b
	mov	v2.16b, v0.16b
	mov	v3.16b, v0.16b
.LBB0_3:
	ldur	q4, [x8, #-16]
	add	x10, x10, #16
	cmp	x10, x2
	ldur	q5, [x9, #-16]
	fcvtl	v6.4s, v4.4h
	fcvtl	v7.4s, v5.4h
	fcvtl2	v4.4s, v4.8h
	fcvtl2	v5.4s, v5.8h
	fmla	v2.4s, v5.4s, v4.4s
	ldr	q4, [x8], #32
	ldr	q5, [x9], #32
	fmla	v3.4s, v7.4s, v6.4s
	fcvtl	v6.4s, v4.4h
	fcvtl	v7.4s, v5.4h
	fcvtl2	v4.4s, v4.8h
	fcvtl2	v5.4s, v5.8h
	fmla	v1.4s, v7.4s, v6.4s
	fmla	v0.4s, v5.4s, v4.4s
	b.ls	.LBB0_3
	fadd	v2.4s, v3.4s, v2.4s
	fadd	v0.4s, v1.4s, v0.4s
	fadd	v0.4s, v2.4s, v0.4s
	faddp	v0.4s, v0.4s, v0.4s
	faddp	s0, v0.2s
	ret
.Lfunc_end0:
	.size	_ZN4some5space7f16_fmaEPKtPKvm, .Lfunc_end0-_ZN4some5space7f16_fmaEPKtPKvm
_ZN4some5space8f16_add8EPKtPKvm:
	cmp	x2, #8
	b.hs	.LBB1_2
	mov	x11, xzr
	movi	v0.2d, #0000000000000000
	faddp	v0.4s, v0.4s, v0.4s
	cmp	x11, x2
	faddp	s0, v0.2s
	b.lo	.LBB1_5
	b	.LBB1_12
.LBB1_2:
	movi	v0.2d, #0000000000000000
	mov	x11, xzr
	mov	x8, x0
	mov	v1.16b, v0.16b
.LBB1_3:
	ldr	d3, [x1, x11]
	add	x9, x11, #16
	add	x11, x11, #8
	ldr	q2, [x8], #16
	cmp	x9, x2
	shll	v3.8h, v3.8b, #8
	add	v2.8h, v3.8h, v2.8h
	fcvtl	v3.4s, v2.4h
	fcvtl2	v2.4s, v2.8h
	fadd	v0.4s, v0.4s, v3.4s
	fadd	v1.4s, v1.4s, v2.4s
	b.ls	.LBB1_3
	fadd	v0.4s, v1.4s, v0.4s
	faddp	v0.4s, v0.4s, v0.4s
	cmp	x11, x2
	faddp	s0, v0.2s
	b.hs	.LBB1_12
.LBB1_5:
	sub	x9, x2, x11
	cmp	x9, #32
	b.hs	.LBB1_7
	mov	x8, x11
	b	.LBB1_10
.LBB1_7:
	and	x10, x9, #0xffffffffffffffe0
	add	x12, x11, #16
	add	x8, x11, x10
	add	x11, x1, x12
	add	x12, x0, x12, lsl #1
	mov	x13, x10
.LBB1_8:
	ldp	d1, d4, [x11, #-16]
	subs	x13, x13, #32
	ldp	q2, q3, [x12, #-32]
	shll	v4.8h, v4.8b, #8
	shll	v1.8h, v1.8b, #8
	add	v3.8h, v4.8h, v3.8h
	ldp	q6, q7, [x12], #64
	add	v1.8h, v1.8h, v2.8h
	fcvtl	v4.4s, v3.4h
	fcvtl2	v3.4s, v3.8h
	fcvtl	v2.4s, v1.4h
	fcvtl2	v1.4s, v1.8h
	mov	s5, v2.s[1]
	fadd	s0, s0, s2
	fadd	s0, s0, s5
	mov	s5, v2.s[3]
	mov	s2, v2.s[2]
	fadd	s0, s0, s2
	mov	s2, v1.s[1]
	fadd	s0, s0, s5
	mov	s5, v1.s[2]
	fadd	s0, s0, s1
	mov	s1, v1.s[3]
	fadd	s0, s0, s2
	fadd	s0, s0, s5
	fadd	s0, s0, s1
	fadd	s0, s0, s4
	ldp	d2, d5, [x11], #32
	shll	v1.8h, v2.8b, #8
	mov	s2, v4.s[1]
	add	v1.8h, v1.8h, v6.8h
	mov	s6, v4.s[2]
	fadd	s0, s0, s2
	mov	s2, v4.s[3]
	mov	s4, v3.s[1]
	fadd	s0, s0, s6
	fadd	s0, s0, s2
	mov	s2, v3.s[2]
	fadd	s0, s0, s3
	mov	s3, v3.s[3]
	fadd	s0, s0, s4
	fadd	s0, s0, s2
	fadd	s0, s0, s3
	fcvtl	v2.4s, v1.4h
	fcvtl2	v1.4s, v1.8h
	mov	s3, v2.s[1]
	fadd	s0, s0, s2
	fadd	s0, s0, s3
	mov	s3, v2.s[2]
	mov	s2, v2.s[3]
	fadd	s0, s0, s3
	shll	v3.8h, v5.8b, #8
	add	v3.8h, v3.8h, v7.8h
	fadd	s0, s0, s2
	mov	s2, v1.s[1]
	fadd	s0, s0, s1
	fcvtl	v4.4s, v3.4h
	fcvtl2	v3.4s, v3.8h
	fadd	s0, s0, s2
	mov	s2, v1.s[3]
	mov	s1, v1.s[2]
	fadd	s0, s0, s1
	mov	s1, v4.s[1]
	fadd	s0, s0, s2
	mov	s2, v4.s[2]
	fadd	s0, s0, s4
	fadd	s0, s0, s1
	mov	s1, v4.s[3]
	fadd	s0, s0, s2
	mov	s2, v3.s[1]
	fadd	s0, s0, s1
	mov	s1, v3.s[2]
	fadd	s0, s0, s3
	fadd	s0, s0, s2
	fadd	s0, s0, s1
	mov	s1, v3.s[3]
	fadd	s0, s0, s1
	b.ne	.LBB1_8
	cmp	x9, x10
	b.eq	.LBB1_12
.LBB1_10:
	sub	x9, x2, x8
	add	x10, x1, x8
	add	x8, x0, x8, lsl #1
.LBB1_11:
	ldrh	w11, [x8], #2
	subs	x9, x9, #1
	ldrb	w12, [x10], #1
	add	w11, w11, w12, lsl #8
	fmov	s1, w11
	fcvt	s1, h1
	fadd	s0, s0, s1
	b.ne	.LBB1_11
.LBB1_12:
	ret
.Lfunc_end1:
	.size	_ZN4some5space8f16_add8EPKtPKvm, .Lfunc_end1-_ZN4some5space8f16_add8EPKtPKvm
.LCPI2_0:
	.byte	254
	.byte	255
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
	.text
_ZN4some5space10i8_packed2EPKaPKvm:
	cmp	x2, #64
	b.hs	.LBB2_2
	movi	v0.2d, #0000000000000000
	b	.LBB2_4
.LBB2_2:
	adrp	x9, .LCPI2_0
	movi	v0.2d, #0000000000000000
	movi	v1.16b, #3
	ldr	q2, [x9, :lo12:.LCPI2_0]
	mov	x8, xzr
.LBB2_3:
	ldr	q3, [x1], #16
	add	x9, x0, x8
	ushr	v5.16b, v3.16b, #2
	and	v4.16b, v3.16b, v1.16b
	ushr	v6.16b, v3.16b, #4
	ldp	q7, q16, [x9]
	ushr	v3.16b, v3.16b, #6
	and	v5.16b, v5.16b, v1.16b
	and	v6.16b, v6.16b, v1.16b
	tbl	v4.16b, { v2.16b }, v4.16b
	tbl	v3.16b, { v2.16b }, v3.16b
	tbl	v5.16b, { v2.16b }, v5.16b
	tbl	v6.16b, { v2.16b }, v6.16b
	smull	v17.8h, v7.8b, v4.8b
	smlal2	v17.8h, v7.16b, v4.16b
	smlal	v17.8h, v16.8b, v5.8b
	smlal2	v17.8h, v16.16b, v5.16b
	ldp	q4, q5, [x9, #32]
	add	x9, x8, #128
	add	x8, x8, #64
	cmp	x9, x2
	smlal	v17.8h, v4.8b, v6.8b
	smlal2	v17.8h, v4.16b, v6.16b
	smlal	v17.8h, v5.8b, v3.8b
	smlal2	v17.8h, v5.16b, v3.16b
	sadalp	v0.4s, v17.8h
	b.ls	.LBB2_3
.LBB2_4:
	addv	s0, v0.4s
	fmov	w0, s0
	ret
.Lfunc_end2:
	.size	_ZN4some5space10i8_packed2EPKaPKvm, .Lfunc_end2-_ZN4some5space10i8_packed2EPKaPKvm
