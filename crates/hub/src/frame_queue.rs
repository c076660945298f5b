use std::collections::VecDeque;

use crate::Outbound;

/// Frames in their order, of which there is mostly none, or one.
///
/// The first frame has its place in the queue itself: a single frame that comes and goes, which is what most deliveries are, allocates
/// nothing, and an empty queue owns nothing.
#[derive(Debug, Default)]
pub(crate) struct FrameQueue {
    first: Option<Outbound>,
    /// What stands behind the first frame. Never there without one, and never empty.
    #[expect(
        clippy::box_collection,
        reason = "an idle connection pays for a pointer, not for a whole queue"
    )]
    rest: Option<Box<VecDeque<Outbound>>>,
}

impl FrameQueue {
    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.as_ref().map_or(0, |rest| rest.len())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The frame, if there is only one.
    pub(crate) fn single(&self) -> Option<&Outbound> {
        self.first.as_ref().filter(|_| self.rest.is_none())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Outbound> {
        self.first.iter().chain(self.rest.iter().flat_map(|rest| rest.iter()))
    }

    pub(crate) fn push_back(&mut self, frame: Outbound) {
        if self.first.is_none() {
            self.first = Some(frame);
        } else {
            self.rest.get_or_insert_default().push_back(frame);
        }
    }

    pub(crate) fn pop_front(&mut self) -> Option<Outbound> {
        let first = self.first.take();
        self.first = self.rest.as_mut().and_then(|rest| rest.pop_front());
        self.forget_empty();
        first
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Outbound) -> bool) {
        let first = self.first.take_if(|first| keep(first));
        if let Some(rest) = &mut self.rest {
            rest.retain(keep);
        }
        self.first = first.or_else(|| self.rest.as_mut()?.pop_front());
        self.forget_empty();
    }

    /// Keeps so many frames from the front.
    pub(crate) fn truncate(&mut self, frames: usize) {
        if frames == 0 {
            *self = Self::default();
        } else if let Some(rest) = &mut self.rest {
            rest.truncate(frames - 1);
            self.forget_empty();
        }
    }

    fn forget_empty(&mut self) {
        if self.rest.as_ref().is_some_and(|rest| rest.is_empty()) {
            self.rest = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Act {
        Push(u64),
        Pop,
        Drop(u64),
        Truncate(usize),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => (1_u64..9).prop_map(Act::Push),
            3 => Just(Act::Pop),
            1 => (1_u64..9).prop_map(Act::Drop),
            1 => (0_usize..4).prop_map(Act::Truncate),
        ]
    }

    proptest! {
        #[test]
        fn it_is_a_queue_like_any_other(acts in prop::collection::vec(act(), 1..60)) {
            let (mut queue, mut reference) = (FrameQueue::default(), VecDeque::new());
            for act in acts {
                match act {
                    Act::Push(id) => {
                        queue.push_back(Outbound { sequence_id: id, ..Outbound::whole(Bytes::new()) });
                        reference.push_back(id);
                    }
                    Act::Pop => {
                        let popped = queue.pop_front().map(|frame| frame.sequence_id);
                        prop_assert_eq!(popped, reference.pop_front());
                    }
                    Act::Drop(id) => {
                        queue.retain(|frame| frame.sequence_id != id);
                        reference.retain(|other| *other != id);
                    }
                    Act::Truncate(frames) => {
                        queue.truncate(frames);
                        reference.truncate(frames);
                    }
                }
                let ids: Vec<_> = queue.iter().map(|frame| frame.sequence_id).collect();
                prop_assert_eq!(&ids, &Vec::from(reference.clone()));
                prop_assert_eq!((queue.len(), queue.is_empty()), (ids.len(), ids.is_empty()));
                prop_assert!(queue.rest.as_ref().is_none_or(|rest| !rest.is_empty()));
            }
        }
    }
}
