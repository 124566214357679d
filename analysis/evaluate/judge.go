package evaluate

// Judge gives the phase of a measurement from its conditions. A nil condition was not written. The failure condition wins
// over the success condition; where only one is written, the other is its opposite; where none is, a value is a success.
func Judge(success, failure *bool) Phase {
	switch {
	case failure != nil && *failure:
		return Failed
	case success != nil && *success:
		return Successful
	case success != nil && failure != nil:
		return Inconclusive
	case success != nil:
		return Failed
	}
	return Successful
}
